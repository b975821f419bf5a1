package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/tandemtest"
)

// The examples share one running instance with a few products in it.

// examples is what TestMain runs: the tests, and then the end of the instance.
type examples struct{ *testing.M }

// Run implements goleak.TestingM.
func (e examples) Run() int {
	code := e.M.Run()
	running.end()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return code
}

// demo is the instance; a program has the address of its own.
func demo() *tandemtest.Instance { return running.instance() }

var running shop

type shop struct {
	testing.TB // for what nobody calls
	once       sync.Once
	in         *tandemtest.Instance
	cleanups   []func()
}

func (s *shop) instance() *tandemtest.Instance {
	s.once.Do(func() {
		s.in = tandemtest.Start(s, tandemtest.Options{})
		for _, row := range []struct{ set, body string }{
			{"General_Products_MeasurementCategories", `{"Name":{"EN":"Pieces"},"IsDefault":true,
				"Units":[{"Code":"pcs","Name":{"EN":"piece"},"IsDefaultUnit":true}]}`},
			{"General_Products_ProductTypes", `{"Code":"GOODS","Name":{"EN":"Goods"},"IsDefault":true}`},
			{"General_Products_ProductGroups", `{"Code":"TEA","Name":{"EN":"Teas"}}`},
			{"General_Products_Products", `{"PartNumber":"A-100","Name":{"EN":"Chai","BG":"Чай"},"ProductGroup":{"Code":"TEA"}}`},
			{"General_Products_Products", `{"PartNumber":"A-200","Name":{"EN":"Earl Grey"},"ProductGroup":{"Code":"TEA"}}`},
			{"General_Products_Products", `{"PartNumber":"A-300","Name":{"EN":"Rooibos"},"ProductGroup":{"Code":"TEA"}}`},
		} {
			if status, text := s.in.API(http.MethodPost, row.set, s.in.ServiceToken(), row.body); status != http.StatusCreated {
				s.Fatal(row.set, status, text)
			}
		}
	})
	return s.in
}

func (s *shop) end() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
}

// What an instance asks of a test.

func (s *shop) Helper()                           {}
func (s *shop) Context() context.Context          { return context.Background() }
func (s *shop) Output() io.Writer                 { return os.Stderr }
func (s *shop) Cleanup(f func())                  { s.cleanups = append(s.cleanups, f) }
func (s *shop) Error(args ...any)                 { panic(fmt.Sprint(args...)) }
func (s *shop) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (s *shop) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (s *shop) TempDir() string {
	dir, err := os.MkdirTemp("", "tandem-example-*")
	if err != nil {
		panic(err)
	}
	s.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// provider is the instance's identity server.
func provider() *client.Provider {
	p, err := client.NewProvider(client.ProviderConfig{Issuer: demo().Issuer})
	if err != nil {
		panic(err)
	}
	return p
}

// service is the back end's half of the portal.
func service() *client.ServiceTokens {
	s, err := client.NewServiceTokens(client.ServiceConfig{
		Provider: provider(), ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(demo().ServiceSecret),
	})
	if err != nil {
		panic(err)
	}
	return s
}

// backEnd is its typed client of the domain API.
func backEnd() *client.OData[client.ServiceToken] {
	return client.ServiceOData(client.Root(demo().OData), service())
}
