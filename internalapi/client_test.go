package internalapi_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

func channelKey(t *testing.T) internalapi.ChannelKey {
	key, err := internalapi.NewChannelKey(bytes.Repeat([]byte{7}, internalapi.MinChannelKey))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Channel key, ID tokens and uploads leave this machine encrypted, or not.
func TestWorkerURLs(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"http://127.0.0.1:8082": true, "http://localhost:8082/": true, "http://[::1]:8082": true, "https://worker.example": true, "https://worker.example/internal": true,
		"http://192.0.2.1:8082": false, "http://worker:8082": false, "http://0.0.0.0:8082": false, "http://localhost.evil.example": false,
		"https://user@worker.example": false, "https://worker.example?x=1": false, "https://worker.example?": false, "https://worker.example:99999": false, "worker:8082": false, "": false,
	} {
		if _, err := internalapi.NewClient(text, channelKey(t), nil); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A proxy that the transport has for everything else gets nothing of the
// channel.
func TestChannelUsesNoProxy(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the proxy got %s", r.URL) }))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }))
	defer worker.Close()
	transport := &http.Transport{Proxy: http.ProxyURL(address)}
	c, err := internalapi.NewClient(worker.URL, channelKey(t), transport)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if transport.Proxy == nil {
		t.Error("the caller's transport was changed")
	}
}

// A worker with another channel key says so, and not that somebody has to sign
// in.
func TestAnotherChannelKey(t *testing.T) {
	t.Parallel()
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { internalapi.RefuseChannel(w) }))
	defer worker.Close()
	c, err := internalapi.NewClient(worker.URL, channelKey(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(t.Context(), "")
	if !errors.Is(err, internalapi.ErrChannelKey) || tandem.ErrorCode(err) != tandem.CodeUnavailable || !strings.Contains(err.Error(), "--channel-key-file") {
		t.Error(err)
	}
}
