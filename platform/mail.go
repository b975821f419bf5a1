package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// MailConfig says by which server mail is sent.
type MailConfig struct {
	// URL is smtp://USER@HOST:PORT, which must offer STARTTLS but on this machine, or
	// smtps://USER@HOST:PORT, TLS from the first byte; the ports are 587 and 465 where
	// none is given. Empty means that there is no mail.
	URL string
	// Password is the user's; it is neither logged nor stored.
	Password string
	// From is who the mail is from: an address, with a name or without.
	From string
	// Roots are who vouches for the server; nil means the system's.
	Roots *x509.CertPool
}

// mailTimeout bounds one try to send.
const mailTimeout = 20 * time.Second

// check says what is wrong with the configuration.
func (c *MailConfig) check() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("SMTP URL: use smtp://USER@HOST:PORT or smtps://USER@HOST:PORT") // and not the URL itself
	}
	if _, there := u.User.Password(); there {
		return errors.New("SMTP URL: leave the password out, and name a file with it")
	}
	if u.User == nil && c.Password != "" {
		return errors.New("SMTP URL: it has no user for the password")
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		return errors.New(`who mail is from: use an address, such as "Acme <no-reply@acme.example>"`)
	}
	return nil
}

// client is one for a configuration that has been checked.
func (c *MailConfig) client() (*mail.Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	host := u.Hostname()
	options := []mail.Option{
		mail.WithTimeout(mailTimeout), mail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: c.Roots}), mail.WithoutNoop(),
	}
	port := 587
	switch {
	case u.Scheme == "smtps":
		port = 465
		options = append(options, mail.WithSSL())
	case netaddr.IsLoopback(host):
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return nil, err
		}
	}
	if u.User != nil {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(c.Password))
	}
	return mail.NewClient(host, append(options, mail.WithPort(port))...)
}

// send makes one try to send a letter.
func (c *MailConfig) send(ctx context.Context, id string, l *letter, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return err
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	m.ToMailAddress(&netmail.Address{Name: l.Name, Address: l.To})
	m.Subject(l.Subject)
	m.SetDateWithValue(at)
	_, domain, _ := cutLast(from.Address)
	m.SetMessageIDWithValue(id + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answers by machines
	m.SetGenHeader("Content-Language", l.Language)
	m.SetBodyString(mail.TypeTextPlain, l.Text)
	client, err := c.client()
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, m)
	var netErr *net.OpError
	if errors.As(err, &netErr) {
		return fmt.Errorf("%s: %w", netErr.Op, netErr.Err) // shorter, and without addresses of people
	}
	return err
}

// cutLast cuts an address at its last @.
func cutLast(address string) (local, domain string, ok bool) {
	for n := len(address) - 1; n >= 0; n-- {
		if address[n] == '@' {
			return address[:n], address[n+1:], true
		}
	}
	return address, "", false
}

// mayMail reports whether a person has an address that somebody vouches for.
func mayMail(u *tandem.User) bool { return u.Email != "" && u.EmailVerified }
