package main

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/hybridapps/tandem/platform"
)

// mailFlags say by which server an instance sends mail to people.
type mailFlags struct {
	SMTP             string `name:"smtp" help:"Mail server by which people get links and are told of changes: smtp://USER@HOST:PORT with STARTTLS, or smtps://USER@HOST:PORT." placeholder:"URL"`
	SMTPPassword     string `name:"smtp-password" help:"Password of its user; better a file." placeholder:"TEXT"`
	SMTPPasswordFile string `name:"smtp-password-file" help:"File with that password." placeholder:"FILE"`
	SMTPCA           string `name:"smtp-ca" help:"File with the certificate authority of the mail server, where the system does not know it." placeholder:"FILE"`
	MailFrom         string `name:"mail-from" help:"Who the mail is from: an address, with a name or without." placeholder:"ADDR"`
}

// mail is what the flags say.
func (f *mailFlags) mail() (c platform.MailConfig, err error) {
	c.URL, c.From = f.SMTP, f.MailFrom
	if c.Password, err = textOrFile("--smtp-password", f.SMTPPassword, "--smtp-password-file", f.SMTPPasswordFile); err != nil || f.SMTPCA == "" {
		return c, err
	}
	pem, err := os.ReadFile(f.SMTPCA)
	if err != nil {
		return c, fmt.Errorf("--smtp-ca: %w", err)
	}
	c.Roots = x509.NewCertPool()
	if !c.Roots.AppendCertsFromPEM(pem) {
		return c, usage("--smtp-ca %s: it has no certificate in PEM", f.SMTPCA)
	}
	return c, nil
}
