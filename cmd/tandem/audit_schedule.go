package main

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/platform"
)

// auditFlags are those of an instance that audits itself.
type auditFlags struct {
	auditLimits
	AuditAt      string   `help:"Time of day (UTC) at which one replica runs all rules of the audit; the cheap ones run every hour." default:"03:00" placeholder:"HH:MM"`
	AlertURL     string   `name:"alert-url" help:"Tell this URL of new findings that are high: https, or http on this machine. Messages are signed (Standard Webhooks; tandem audit alert-key)." placeholder:"URL"`
	AlertURLFile string   `name:"alert-url-file" help:"File with that URL, where it is a secret." placeholder:"FILE"`
	AlertNetwork []string `help:"Private network that the host of --alert-url may be in; may be repeated." placeholder:"CIDR"`
}

// schedule is what the flags say.
func (f *auditFlags) schedule() (s platform.AuditSchedule, err error) {
	if s.Limits, err = f.limits(); err != nil {
		return s, err
	}
	at, err := time.Parse("15:04", f.AuditAt)
	if err != nil {
		return s, usage("--audit-at %q: use a time of day, such as 03:00", tandem.Clip(f.AuditAt, 40))
	}
	if s.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute; s.At == 0 {
		s.At = 24 * time.Hour
	}
	if s.Alert.URL, err = textOrFile("--alert-url", f.AlertURL, "--alert-url-file", f.AlertURLFile); err != nil {
		return s, err
	}
	s.Alert.Networks, err = networks("--alert-network", f.AlertNetwork)
	return s, err
}

// networks are those that a flag names.
func networks(flag string, texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usage("%s %q: use a network, such as 10.1.0.0/16", flag, tandem.Clip(text, 60))
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// logoutFlags say where applications may be that are told of the end of a sign-in.
type logoutFlags struct {
	BackchannelNetwork []string `help:"Private network that the hosts of applications' back-channel logout URIs may be in; may be repeated." placeholder:"CIDR"`
}

// trustedHere are the authorities of the system and the one of the file, where it can be
// read.
func trustedHere(file string) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if pem, err := os.ReadFile(file); err == nil {
		pool.AppendCertsFromPEM(pem)
	}
	return pool
}

func (f *logoutFlags) logouts() (l platform.LogoutSchedule, err error) {
	l.Networks, err = networks("--backchannel-network", f.BackchannelNetwork)
	return l, err
}

// outsideFlags say where outside providers may be.
type outsideFlags struct {
	ProviderNetwork []string `help:"Private network that outside providers (tandem provider) may be in; may be repeated. Those of this machine need no flag." placeholder:"CIDR"`
}

func (f *outsideFlags) providers() (n federation.Network, err error) {
	n.Networks, err = networks("--provider-network", f.ProviderNetwork)
	return n, err
}

// textOrFile is the value of a flag, or of the file that another names.
func textOrFile(flag, text, fileFlag, file string) (string, error) {
	switch {
	case file == "":
		return text, nil
	case text != "":
		return "", usage("%s and %s: use one of them", flag, fileFlag)
	}
	read, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", fileFlag, err)
	}
	if text = strings.TrimSpace(string(read)); text == "" {
		return "", fmt.Errorf("%s: %s is empty; write what it is for into it", fileFlag, file)
	}
	return text, nil
}
