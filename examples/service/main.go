// Command service is the smallest back end: it authenticates as the application
// and reads the ERP with a service token, which is cached and renewed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/settings"
)

type product struct {
	PartNumber string
	Name       client.Text
}

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	transport, err := client.Transport(os.Getenv("TANDEM_CA_FILE")) // empty: the system's authorities
	if err != nil {
		return err
	}
	set, err := settings.Read()
	if err != nil {
		return err
	}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: set.Issuer, Transport: transport})
	if err != nil {
		return err
	}
	service, err := client.NewServiceTokens(client.ServiceConfig{
		Provider: provider, ApplicationURI: set.ApplicationURI, Credential: set.Service,
	})
	if err != nil {
		return err
	}
	erp := client.ServiceOData(provider.ODataRoot, service)
	n := 0
	query := client.Query{Select: "PartNumber,Name", OrderBy: "PartNumber", Top: 100}
	for p, err := range client.List[product](ctx, erp, "General_Products_Products", query) {
		if err != nil {
			return err
		}
		fmt.Printf("%-12s %s\n", p.PartNumber, p.Name.In("en"))
		n++
	}
	_, who, until := service.Status()
	fmt.Printf("%d products, read as %s with a token that ends at %s\n", n, who, until.Format("15:04:05"))
	return nil
}
