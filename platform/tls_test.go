package platform_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/platform"
)

// writePair makes a certificate with the serial number and writes it and its
// key to two files.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Unix(4_000_000_000, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if file == "" {
			continue
		}
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		stamp := time.Unix(1_800_000_000+serial, 0) // files written within one tick of the clock differ too
		if err := os.Chtimes(file, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate that was renewed is the next connection's; one that is only half
// renewed, or broken, leaves the one before. TLS 1.2 has the suites that RFC 9325 section 4.2
// recommends alone.
func TestCertificatesAreRenewedWithoutARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, certFile, keyFile, 1)
	config, err := platform.TLSConfig(certFile, keyFile, quiet)
	if err != nil {
		t.Fatal(err)
	}
	url, _ := servedWith(t, &program{handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }}, platform.ServeOptions{TLS: config})
	dial := func(c *tls.Config) (*tls.ConnectionState, error) {
		c.InsecureSkipVerify = true // which certificate it is, is what is asked here
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "http://"), c)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		state := conn.ConnectionState()
		return &state, nil
	}
	presented := func(when string, want int64) {
		t.Helper()
		state, err := dial(&tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0].SerialNumber.Int64(); got != want {
			t.Errorf("%s: certificate %d, want %d", when, got, want)
		}
	}
	presented("at first", 1)
	writePair(t, certFile, "", 2)
	presented("half renewed", 1)
	writePair(t, certFile, keyFile, 3)
	presented("renewed", 3)
	if err := os.WriteFile(certFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	presented("broken", 3)
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	presented("gone", 3)
	writePair(t, certFile, keyFile, 4)
	presented("there again", 4)

	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.SupportedVersions[0] == tls.VersionTLS13 || strings.Contains(suite.Name, "_RSA_WITH_") && strings.Contains(suite.Name, "ECDHE") {
			continue // the certificate is ECDSA
		}
		_, err := dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		good := strings.Contains(suite.Name, "ECDHE_ECDSA") && strings.Contains(suite.Name, "GCM")
		if (err == nil) != good {
			t.Errorf("%s: %v", suite.Name, err)
		}
	}
	if _, err := dial(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}
