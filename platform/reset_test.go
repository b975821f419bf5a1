package platform_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const newWords = "tulip ocean ladder"

// resetForm fills the form of a link.
func resetForm(password string) url.Values {
	return url.Values{"password": {password}, "again": {password}}
}

// TestC22_LinksForANewPassword: a link gives a new password once, however many use it at
// the same moment; to open it uses nothing up; it ends with the password that it was made
// for, with its account and with its time; and whoever was signed in is out.
func TestC22_LinksForANewPassword(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
			link := func() string {
				t.Helper()
				at, _, err := in.Platform.ResetLink(t.Context(), tandemtest.By, "anna", in.URL, time.Hour)
				must(t, err)
				return at
			}
			gone := func(what, at string) {
				t.Helper()
				if page := in.Browser().Get(at); page.StatusCode != http.StatusBadRequest || strings.Contains(page.Text, `name="again"`) {
					t.Errorf("%s: the link is answered with %d", what, page.StatusCode)
				}
			}
			signedIn := in.SignIn("anna")
			pat, _ := in.PAT("anna")
			at := link()
			b := in.Browser()
			page := b.Get(at)
			page = b.Get(at) // a program that looks at mail was there before
			if page.StatusCode != 200 || page.Header.Get("Referrer-Policy") != "same-origin" || page.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("the form: %d %v %s", page.StatusCode, page.Header, page.Text)
			}
			for password, says := range map[string]string{"short": "at least 8", "password1": "tried first", "anna likes tea": "without the login"} {
				if weak := b.Submit(page, resetForm(password)); weak.StatusCode != 400 || !strings.Contains(weak.Text, says) {
					t.Errorf("%q: %d, without %q", password, weak.StatusCode, says)
				}
			}
			if apart := b.Submit(page, url.Values{"password": {newWords}, "again": {newWords + "!"}}); apart.StatusCode != 400 {
				t.Errorf("two passwords: %d", apart.StatusCode)
			}
			var done atomic.Int64
			var all sync.WaitGroup
			var send []func() *tandemtest.Page
			for n := range 32 {
				b := in.Browser()
				open := b.Get(at)
				send = append(send, func() *tandemtest.Page { return b.Submit(open, resetForm(newWords+strings.Repeat("!", n))) })
			}
			for _, f := range send {
				all.Go(func() {
					if f().StatusCode == http.StatusOK {
						done.Add(1)
					}
				})
			}
			all.Wait()
			if done.Load() != 1 {
				t.Errorf("one link gave %d passwords", done.Load())
			}
			gone("used", at)
			in.Refresh()
			if status, _ := in.API("GET", "GetVersion()", signedIn.Access, ""); status != http.StatusUnauthorized {
				t.Errorf("who was signed in still is: %d", status)
			}
			if status, _ := in.API("GET", "GetVersion()", pat, ""); status != http.StatusUnauthorized {
				t.Errorf("a personal access token of before: %d", status)
			}

			// What strangers ask for ends no administrator's link; the administrator's do.
			given := link()
			for range signin.MaxResets + 1 {
				_, _, err := in.Platform.Accounts.NewReset(t.Context(), tandem.By{Login: "tandem:forgot", Via: tandem.ViaReset}, "anna", time.Hour)
				must(t, err)
			}
			if page := in.Browser().Get(given); page.StatusCode != http.StatusOK {
				t.Errorf("an administrator's link, after some that were asked for by mail: %d", page.StatusCode)
			}
			for range signin.MaxResets {
				link()
			}
			gone("one of too many", given)

			before, other := link(), link()
			b.Submit(b.Get(before), resetForm(newWords))
			gone("beside one that was used", other)
			other = link()
			_, err := in.Platform.Accounts.SetPassword(t.Context(), tandemtest.By, "anna", tandemtest.Password)
			must(t, err)
			gone("made before another password", other)
			other = link()
			_, err = in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "anna")
			must(t, err)
			gone("of somebody disabled", other)
			_, err = in.Platform.Accounts.Enable(t.Context(), tandemtest.By, "anna")
			must(t, err)
			gone("of before", other)
			other = link()
			_, err = in.Platform.Accounts.Update(t.Context(), tandemtest.By, "anna", func(u *tandem.User) { u.Name = "Anna Other" })
			must(t, err)
			if page := in.Browser().Get(other); page.StatusCode != http.StatusOK {
				t.Errorf("after another name: %d", page.StatusCode)
			}
			_, err = in.Platform.Accounts.Update(t.Context(), tandemtest.By, "anna", func(u *tandem.User) { u.Email = "anna@elsewhere.example" })
			must(t, err)
			gone("mailed to the address of before", other)
			other = link()
			in.Advance(time.Hour)
			gone("too old", other)
			gone("invented", in.URL+"/id/account/reset?link="+strings.Repeat("A", 43))
			if _, _, err := in.Platform.ResetLink(t.Context(), tandemtest.By, tandemtest.SystemUser, in.URL, time.Hour); tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("a link for a System User: %v", err)
			}
		})
	}
}

// TestPasswordsThatMustBeChanged: a password that somebody else has chosen is good for
// nothing but to set another.
func TestPasswordsThatMustBeChanged(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		_, err := in.Platform.Accounts.SetPasswordOnce(t.Context(), tandemtest.By, "anna", "chosen by somebody")
		must(t, err)
		b := in.Browser()
		page := b.SignIn(in.URL+"/id/account/signin", "anna", "chosen by somebody")
		if !strings.Contains(page.Text, "Somebody else has chosen") {
			t.Fatalf("the sign-in leads to %d %s", page.StatusCode, page.Text)
		}
		if again := b.Get(in.URL + "/id/account/signin"); !strings.Contains(again.Text, `name="login"`) {
			t.Error("somebody is signed in already")
		}
		if done := b.Submit(page, resetForm(newWords)); done.StatusCode != 200 {
			t.Fatalf("%d %s", done.StatusCode, done.Text)
		}
		if old := in.Browser().SignIn(in.URL+"/id/account/signin", "anna", "chosen by somebody"); old.StatusCode != http.StatusUnauthorized {
			t.Errorf("the old one: %d", old.StatusCode)
		}
		in.Redeem(in.Browser().Authorize("anna", newWords))
	})
}

// letterbox is a mail server that keeps what it gets.
type letterbox struct {
	mu   sync.Mutex
	mail []string
	tls  []bool
}

// NewSession implements smtp.Backend.
func (b *letterbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &delivery{box: b, c: c}, nil
}

type delivery struct {
	box *letterbox
	c   *smtp.Conn
	in  bool
}

func (d *delivery) AuthMechanisms() []string { return []string{sasl.Plain} }
func (d *delivery) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "tandem" || password != "s3cret of smtp" {
			return smtp.ErrAuthFailed
		}
		d.in = true
		return nil
	}), nil
}
func (d *delivery) Mail(string, *smtp.MailOptions) error {
	if !d.in {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (d *delivery) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (d *delivery) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	_, secure := d.c.TLSConnectionState()
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.mail, d.box.tls = append(d.box.mail, string(text)), append(d.box.tls, secure)
	return err
}
func (d *delivery) Reset()        {}
func (d *delivery) Logout() error { return nil }

// mailServer runs one with STARTTLS.
func mailServer(t *testing.T) (*letterbox, platform.MailConfig) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	made, err := x509.ParseCertificate(der)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(made)
	box := &letterbox{}
	s := smtp.NewServer(box)
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return box, platform.MailConfig{URL: "smtp://tandem@" + l.Addr().String(), Password: "s3cret of smtp", From: "Acme <no-reply@acme.example>", Roots: roots}
}

var linkInMail = regexp.MustCompile(`http://\S+/id/account/reset\?link=[A-Za-z0-9_-]+`)

// TestC22_ForgottenPasswordsByMail: who forgot their password gets a link by mail, over
// STARTTLS, and everybody else the same answer; and nothing that the database holds is a
// link.
func TestC22_ForgottenPasswordsByMail(t *testing.T) {
	t.Parallel()
	box, config := mailServer(t)
	in := tandemtest.Start(t, tandemtest.Options{Log: quiet, Mail: config})
	forgot := func(login string) *tandemtest.Page {
		b := in.Browser()
		page := b.Get(in.URL + "/id/account/signin")
		if !strings.Contains(page.Text, "/id/account/forgot") {
			t.Fatal("the sign-in offers no mail")
		}
		return b.Submit(b.Get(in.URL+"/id/account/forgot"), url.Values{"login": {login}})
	}
	known, unknown := forgot("anna"), forgot("nobody")
	if known.StatusCode != 200 || known.StatusCode != unknown.StatusCode || known.Text != unknown.Text {
		t.Errorf("two answers: %d and %d", known.StatusCode, unknown.StatusCode)
	}
	mails := func(n int) []string {
		t.Helper()
		testkit.Eventually(t, "the mail comes", func() bool { box.mu.Lock(); defer box.mu.Unlock(); return len(box.mail) >= n })
		box.mu.Lock()
		defer box.mu.Unlock()
		if !box.tls[n-1] {
			t.Error("the mail came in the clear")
		}
		return box.mail
	}
	first := strings.ReplaceAll(strings.ReplaceAll(mails(1)[0], "=\r\n", ""), "=3D", "=")
	at := linkInMail.FindString(first)
	if at == "" || !strings.Contains(first, "To: \"Anna Intern\" <anna@example.com>") || !strings.Contains(first, "Auto-Submitted: auto-generated") {
		t.Fatalf("the mail: %s", first)
	}
	b := in.Browser()
	if done := b.Submit(b.Get(at), resetForm(newWords)); done.StatusCode != 200 {
		t.Fatalf("%d %s", done.StatusCode, done.Text)
	}
	if told := mails(2)[1]; !strings.Contains(told, "Your password was changed") {
		t.Errorf("the second mail: %s", told)
	}
	for range 8 {
		forgot("nobody")
	}
	if many := forgot("paul"); many.StatusCode != http.StatusTooManyRequests || many.Header.Get("Retry-After") == "" {
		t.Errorf("the eleventh from one address: %d", many.StatusCode)
	}
}

// TestC22_FactorsAreToldByMail: who has a second factor added or removed is told, and of
// recovery codes that are made anew or used, and of accounts elsewhere.
func TestC22_FactorsAreToldByMail(t *testing.T) {
	t.Parallel()
	box, config := mailServer(t)
	in := tandemtest.Start(t, tandemtest.Options{Log: quiet, Mail: config})
	told := func(n int, what string) {
		t.Helper()
		testkit.Eventually(t, "a mail says that "+what, func() bool {
			box.mu.Lock()
			defer box.mu.Unlock()
			return len(box.mail) >= n && strings.Contains(box.mail[n-1], what)
		})
	}
	const factors = "/profile/security/second-factor"
	b := in.Browser()
	b.SignIn(in.URL+factors, "anna", tandemtest.Password)
	page := b.Get(in.URL + factors + "?add=1")
	secret := regexp.MustCompile(`<code id="secret">([A-Z2-7]+)</code>`).FindStringSubmatch(page.Text)
	code, err := totp.GenerateCode(secret[1], in.Clock.Now())
	must(t, err)
	made := b.Submit(page, url.Values{"code": {code}})
	told(1, "A second factor was added")
	recovery := regexp.MustCompile(`\b[a-z2-7]{4}(-[a-z2-7]{4}){3}\b`).FindString(made.Text)
	other := in.Browser()
	page = other.Submit(other.SignIn(in.URL+factors, "anna", tandemtest.Password), url.Values{"code": {recovery}})
	told(2, "A recovery code was used")
	if again := other.Submit(page, url.Values{"do": {"codes"}}); again.StatusCode != 200 {
		t.Fatalf("%d %s", again.StatusCode, again.Text)
	}
	told(3, "New recovery codes were made")
	_, err = in.Platform.Accounts.ResetFactors(t.Context(), tandemtest.By, "anna")
	must(t, err)
	told(4, "A second factor was removed")
	_, err = in.Platform.Outside.Create(t.Context(), tandemtest.By, federation.Provider{ID: "acme", Name: "Acme", Issuer: "https://login.acme.example", ClientID: "x", Internal: true}, "")
	must(t, err)
	_, err = in.Platform.Outside.Link(t.Context(), tandemtest.By, "anna", "acme", "s-1")
	must(t, err)
	told(5, "A way to sign in was added")
	must(t, in.Platform.Outside.Unlink(t.Context(), tandemtest.By, "anna", "acme", "s-1"))
	told(6, "A way to sign in was removed")
	_, id := in.PAT("anna")
	told(7, "An access token was made")
	_, _, err = in.Platform.References.Roll(t.Context(), tandemtest.By, id, time.Hour, in.Clock.Now().Add(time.Hour))
	must(t, err)
	told(8, "An access token was made")
}

// TestOwnPassword: who is signed in changes their password with the old one, as often wrong
// as at the sign-in; all other devices are out, with what their applications hold.
func TestOwnPassword(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		idle := in.SignIn("anna")
		in.Advance(token.SignInIdle + 2*time.Hour) // the application renews, and its sign-in idles
		idle = in.RefreshTokens(idle.Refresh)
		elsewhere := in.SignIn("anna")
		pat, _ := in.PAT("anna")
		b := in.Browser()
		here := in.Redeem(b.Authorize("anna", tandemtest.Password))
		page := b.Get(in.URL + "/profile/security/password")
		send := func(old, password string) *tandemtest.Page {
			return b.Submit(page, url.Values{"old": {old}, "password": {password}, "again": {password}, "keep": {"1"}})
		}
		if wrong := send("not this one", newWords); wrong.StatusCode != 400 || !strings.Contains(wrong.Text, "old password is not right") {
			t.Errorf("a wrong old one: %d", wrong.StatusCode)
		}
		if weak := send(tandemtest.Password, "password1"); weak.StatusCode != 400 || !strings.Contains(weak.Text, "tried first") {
			t.Errorf("a weak one: %d", weak.StatusCode)
		}
		done := send(tandemtest.Password, newWords)
		if done.StatusCode != 200 || !strings.Contains(done.Text, "Its strength: good.") {
			t.Fatalf("%d %s", done.StatusCode, done.Text)
		}
		in.Refresh()
		for what, c := range map[string]struct {
			tokens tandemtest.Tokens
			want   int
		}{"here": {here, 200}, "elsewhere": {elsewhere, 401}, "idle": {idle, 401}, "PAT": {tandemtest.Tokens{Access: pat}, 200}} {
			if status, text := in.API("GET", "GetVersion()", c.tokens.Access, ""); status != c.want {
				t.Errorf("%s: %d %s", what, status, text)
			}
		}
		for what, refresh := range map[string]string{"elsewhere": elsewhere.Refresh, "idle": idle.Refresh} {
			status, _ := in.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh},
				"client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}})
			if status != 400 {
				t.Errorf("a refresh %s: %d (D23)", what, status)
			}
		}
		for range 12 {
			page = b.Get(in.URL + "/profile/security/password")
			if wrong := send("not this one", newWords); wrong.StatusCode == http.StatusTooManyRequests {
				return
			}
		}
		t.Error("the old password can be guessed for ever")
	})
}

// TestC22_MailsForANewPasswordAreFew: a stranger who knows a login has few mails sent, also
// over a day, and ends no link that its person has asked for; who asks with a device that
// they have signed in with gets theirs all the same.
func TestC22_MailsForANewPasswordAreFew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		_, config := mailServer(t)
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet, Mail: config})
		known := in.Browser()
		known.SignIn(in.URL+"/profile/", "anna", tandemtest.Password)
		forgot := func(b *tandemtest.Browser, login string) {
			t.Helper()
			if page := b.Submit(b.Get(in.URL+"/id/account/forgot"), url.Values{"login": {login}}); page.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", page.StatusCode, page.Text)
			}
		}
		made := func(login string) (n int) {
			for _, e := range in.Record(tandem.AuditAdministration) {
				if strings.Contains(e.Detail, "made a link by which "+login+" ") {
					n++
				}
			}
			return n
		}
		// They are made one after the other: when paul's are, so are those before.
		others := 0
		settled := func() int {
			t.Helper()
			others++
			_, err := in.Platform.Accounts.Create(t.Context(), tandemtest.By, signin.NewUser{Login: "other" + strconv.Itoa(others), Type: tandem.InternalUser, Email: "o" + strconv.Itoa(others) + "@example.com"})
			must(t, err)
			login := "other" + strconv.Itoa(others)
			forgot(in.Browser(), login)
			testkit.Eventually(t, "a link of "+login, func() bool { return made(login) == 1 })
			return made("anna")
		}
		link := func() string {
			at, _, err := in.Platform.Accounts.NewReset(t.Context(), tandem.By{Login: "tandem:forgot", Via: tandem.ViaReset}, "anna", time.Hour)
			must(t, err)
			return in.URL + at
		}
		mine := link() // as a mail has it
		before := settled()
		for range 3 { // within the hour for which it is good
			for range 3 {
				forgot(in.Browser(), "anna")
			}
			settled()
			in.Advance(16 * time.Minute)
		}
		if page := in.Browser().Get(mine); page.StatusCode != http.StatusOK {
			t.Errorf("the person's own link, after those of a stranger: %d", page.StatusCode)
		}
		for range 20 {
			for range 3 {
				forgot(in.Browser(), "anna")
			}
			in.Advance(16 * time.Minute)
		}
		if n := settled() - before; n < 3 || n > 5 {
			t.Errorf("a stranger had %d mails sent in some hours, want three to five", n)
		}
		all := made("anna")
		forgot(known, "anna")
		if n := settled() - all; n != 1 {
			t.Errorf("with a device of the person, %d mails", n)
		}
		in.Advance(24 * time.Hour)
		all = made("anna")
		forgot(in.Browser(), "anna")
		if n := settled() - all; n != 1 {
			t.Errorf("on the next day, %d mails", n)
		}
	})
}
