package cloud_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/internal/picture"
	"github.com/hybridapps/tandem/sqldb"
)

// TestMain lets the test's own program be a cloud or an ERP, which can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == picture.Command { // the child that decodes pictures
		if first := make([]byte, 100); slow(first) {
			time.Sleep(6 * time.Second)
		}
		os.Exit(picture.Child(os.Args[2:]))
	}
	program := runCloud
	switch {
	case os.Getenv("FIELD_TEST_ERP") != "":
		program = fieldtest.RunERP
	case os.Getenv("FIELD_TEST_ISSUER") == "":
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := program(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// slowPicture is in the beginning of a picture that takes the child some seconds.
const slowPicture = "takes long"

func slow(first []byte) bool {
	n, err := os.Stdin.ReadAt(first, 0)
	return err == nil && bytes.Contains(first[:n], []byte(slowPicture))
}

func runCloud(ctx context.Context) error {
	db, err := sqldb.Open(ctx, os.Getenv("FIELD_TEST_DB"), sqldb.Options{})
	if err != nil {
		return err
	}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: os.Getenv("FIELD_TEST_ISSUER")})
	if err != nil {
		return err
	}
	c, err := cloud.New(ctx, cloud.Config{
		Provider: provider, ApplicationURI: fieldtest.CloudApp, Credential: client.ServiceSecret(os.Getenv("FIELD_TEST_SECRET")),
		Resource: os.Getenv("FIELD_TEST_RESOURCE"), AcceptsFrom: []string{fieldtest.PhoneApp}, DB: db, Dir: os.Getenv("FIELD_TEST_DIR"),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 4})),
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: c.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	fmt.Printf("http://%s\n", l.Addr())
	return c.Run(ctx)
}
