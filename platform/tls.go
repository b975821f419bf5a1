package platform

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/hybridapps/tandem/seal"
)

// TLSConfig serves HTTPS with the certificate in two PEM files. When they are
// replaced, by whatever renews them, the next connection gets the new one; while
// the two do not fit together it is still the old one. TLS 1.2 is taken with
// the cipher suites that RFC 9325 section 4.2 recommends, and no others.
func TLSConfig(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{files: [2]string{certFile, keyFile}, log: log}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w (--tls-cert and --tls-key name the PEM files of the certificate and its key)", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}, nil
}

// certificate is what is in two files, read again when they change.
type certificate struct {
	files [2]string // certificate, key
	log   *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]version // of the files of pair
	failed [2]version // of files that could not be used: they are told of once
}

// version tells whether a file is another one than before.
type version struct {
	at   time.Time
	size int64
}

func (c *certificate) versions() (v [2]version, err error) {
	for i, file := range c.files {
		info, err := os.Stat(file)
		if err != nil {
			return v, err
		}
		if file == c.files[1] {
			if err := seal.CheckPrivate(file, info); err != nil {
				return v, err
			}
		}
		v[i] = version{info.ModTime(), info.Size()}
	}
	return v, nil
}

func (c *certificate) load() error {
	v, err := c.versions() // before they are read: a change meanwhile is seen the next time
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		return err
	}
	c.pair, c.seen = &pair, v
	return nil
}

// current is the certificate to present now. The look at the files is little
// beside a handshake.
func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, err := c.versions()
	if err == nil && v == c.seen || v == c.failed {
		return c.pair
	}
	if err == nil {
		err = c.load()
	}
	if err != nil {
		c.failed = v
		c.log.Warn("the renewed TLS certificate cannot be used; the one before still is", "error", err)
		return c.pair
	}
	c.log.Info("renewed TLS certificate", "file", c.files[0], "until", c.pair.Leaf.NotAfter)
	return c.pair
}
