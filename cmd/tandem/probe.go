package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const probeEvery = 20 * time.Millisecond

// waitReady waits until a program that we started answers that it is ready.
func waitReady(ctx context.Context, m member) error {
	transport, scheme := &http.Transport{DisableKeepAlives: true}, "http"
	if m.cert != "" {
		pair, err := tls.LoadX509KeyPair(m.cert, m.key)
		if err != nil {
			return fmt.Errorf("TLS certificate: %w", err)
		}
		scheme, transport.TLSClientConfig = "https", pinned(pair.Certificate[0])
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 3 * time.Second}
	url := scheme + "://" + dialAddress(m.listener.Addr()) + "/readyz"
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := client.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("the %s was not ready within %v; its log says why", m.name, startTimeout)
			}
			return context.Cause(ctx)
		}
	}
}

// pinned trusts this one certificate, whatever names are in it: the program
// probed is reached by its address.
func pinned(certificate []byte) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 0 || !bytes.Equal(c.PeerCertificates[0].Raw, certificate) {
				return errors.New("another certificate than the one served here")
			}
			return nil
		},
	}
}

// dialAddress is where a listener of ours is reached from here.
func dialAddress(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", fmt.Sprint(tcp.Port))
	}
	return a.String()
}
