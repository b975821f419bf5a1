package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/seal"
)

// devCA is a certificate authority for this machine, kept in the data folder:
// dev-ca.pem is what browsers and clients are told to trust.
type devCA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

const (
	devCALifetime   = 5 * 365 * 24 * time.Hour
	devCertLifetime = 397 * 24 * time.Hour // what browsers accept at most
)

func devCAFile(dir string) string { return filepath.Join(dir, "dev-ca.pem") }

// loadDevCA reads the authority of the data folder, or makes it.
func loadDevCA(dir string) (*devCA, error) {
	ca := &devCA{file: devCAFile(dir)}
	keyFile := filepath.Join(dir, "dev-ca.key")
	if info, err := os.Stat(keyFile); err == nil {
		if err := seal.CheckPrivate(keyFile, info); err != nil {
			return nil, err
		}
	}
	pair, err := tls.LoadX509KeyPair(ca.file, keyFile)
	switch {
	case err == nil:
		key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
		if ok && time.Until(pair.Leaf.NotAfter) > devCertLifetime/12 {
			ca.certificate, ca.key = pair.Leaf, key
			return ca, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("development certificate authority %s: %w; remove it and dev-ca.key to have a new one made", ca.file, err)
	}
	if ca.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Tandem development authority"}, SerialNumber: serial(),
		NotBefore: tandem.SystemTime().Add(-time.Hour), NotAfter: tandem.SystemTime().Add(devCALifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key)
	if err != nil {
		return nil, err
	}
	if ca.certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, err
	}
	// The key first: a certificate without its key would be of no use.
	err = writeFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)
	if err != nil {
		return nil, err
	}
	return ca, writeFile(ca.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// issue makes a certificate for this machine and the further hosts, and writes
// it with its key to the two files.
func (ca *devCA) issue(certFile, keyFile string, hosts ...string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Tandem development"}, SerialNumber: serial(),
		NotBefore: tandem.SystemTime().Add(-time.Hour), NotAfter: tandem.SystemTime().Add(devCertLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" && host != "localhost" {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, &key.PublicKey, ca.key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return writeFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] &= 0x7f // positive, at most 20 bytes (RFC 5280 section 4.1.2.2)
	return new(big.Int).SetBytes(b)
}

// writeFile writes a file whole or not at all: beside its place first, then
// moved there.
func writeFile(file string, text []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // after the rename there is none
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
