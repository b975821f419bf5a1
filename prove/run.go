package prove

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// Config says what is tried, and with what.
type Config struct {
	// Issuer is the provider's issuer identifier, as in its discovery document.
	Issuer string
	// Application is the client id, and UserSecret and ServiceSecret the credentials
	// of its two halves: a secret, or a private key in JWK or PEM (private_key_jwt). Where a provider has one secret for a registration both are
	// the same.
	Application               string
	UserSecret, ServiceSecret string
	// ServiceApplication is the back end's own registration, where the provider needs
	// two; empty where one has both flows.
	ServiceApplication string
	// RedirectURI is registered for Application. PostLogout may be empty.
	RedirectURI, PostLogout string
	// Person is who signs in. External is a person from outside, whose sign-in is for
	// identity only; it may be empty.
	Person, External Person
	// Privileged is an application whose back end may read and write everything, and its
	// service credential; empty where none is known.
	Privileged, PrivilegedSecret string
	// PublicApplication is a public client, PublicRedirect one of its addresses; empty
	// where there is none.
	PublicApplication string
	// OData is the root of the domain API, with a slash at its end; empty where there is
	// none.
	OData string
	// Steps say how to sign in where the form driver does not find it; see [ReadSteps].
	Steps []Step
	// ByHand lets a person sign in with a browser of theirs. Say tells them where; it is
	// called once.
	ByHand bool
	Say    func(address string)
	// Challenge is a text of whoever is to be convinced, at most 200 bytes.
	Challenge string
	// Only are the rows to try; empty means all.
	Only []string
	// WithIDTokens puts the ID tokens of the run into the report.
	WithIDTokens bool
	// Transport makes the requests; nil means the default one.
	Transport http.RoundTripper
	// Inside looks into the system, where it is ours and on this machine. Disturb allows
	// it to switch the application off and on, to narrow its back end and to fill the licence.
	Inside  Inside
	Disturb bool
	// Pace is the time between two requests; zero means [Pace]. Less is for systems of
	// one's own.
	Pace time.Duration
	// Within is how long the run takes at most, up to [MaxWithin]; zero means [MaxRun]. What
	// was not tried by then is not tested.
	Within time.Duration
	Tool   Tool
}

// Person is an account that signs in with a form.
type Person struct{ Login, Password string }

// titles are the invariants in a few words.
var titles = []struct{ id, title string }{
	{"I1", "A service credential does nothing of the user flow"},
	{"I2", "Nothing of the user flow yields a service token"},
	{"I3", "A service token is nobody"},
	{"I4", "A user token does what its person may"},
	{"I5", "External users take no slot"},
	{"I6", "Each half ends alone, and both with the application"},
	{"I7", "No name and no kind is taken for another"},
	{"I8", "Each half runs without the other's credential and store"},
	{"I9", "A refresh token is bound, used once, and its family ends with a replay"},
	{"I10", "Scope never grows"},
	{"I11", "A back-end instance has one session"},
	{"I12", "Never more sessions than slots"},
	{"I13", "No secret is left anywhere"},
	{"I14", "An account reaches only what it was granted"},
}

// run is one run.
type run struct {
	config   Config
	secrets  Secrets
	wire     *wire
	provider metadata
	user     person
	report   Report
	rows     map[string]*Row

	// main are the person's tokens, service the back end's: see [run.mainTokens] and
	// [run.serviceToken].
	main    memo[*tokens]
	service memo[*tokens]
	// consent says that offline access is given only to who asks for consent (OpenID
	// Connect Core section 11).
	consent  bool
	controls controls
	replaced replaced // what I9 uses again
	calming  bool     // the back end authenticates, see [run.calm]
	ended    bool     // the main tokens were ended by a replay
	spare    string   // a code that is left over
	another  *tokens  // a service token beside the main one, seen alive at the API; nil where there is none
	external memo[*outsider]
	narrowed memo[*tokens] // of a grant with less: see [run.narrow]
}

// Run tries the invariants. The error is of what made a run impossible; what became of
// the attempts is in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r, err := newRun(c)
	if err != nil {
		return nil, err
	}
	if closer, ok := r.user.(io.Closer); ok {
		defer closer.Close()
	}
	if err := r.discover(ctx); err != nil {
		return nil, err
	}
	if err := r.user.begin(ctx, r); err != nil {
		return nil, err
	}
	begun := time.Now()
	within := cmp.Or(r.config.Within, MaxRun)
	limited, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("the run took longer than %s; give it more time with --within", within))
	defer cancel()
	for _, step := range r.steps() {
		step(limited)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return r.finish(begun), nil
}

// steps are the rows in the order in which they can be tried: what ends tokens comes
// last.
func (r *run) steps() []func(context.Context) {
	return []func(context.Context){
		r.first, r.i1, r.i2, r.i3, r.i4, r.i7, r.i10, r.i5, r.i11, r.i14, r.i8, r.i12, r.queried, r.i9, r.i6, r.i9End, r.i6End, r.i13,
	}
}

// check says what is missing.
func (c *Config) check() error {
	for name, value := range map[string]string{
		"--application-uri": c.Application, "the user credential": c.UserSecret, "the service credential": c.ServiceSecret, "--redirect": c.RedirectURI,
	} {
		if value == "" {
			return fmt.Errorf("%s is missing", name)
		}
	}
	if !c.ByHand && (c.Person.Login == "" || c.Person.Password == "") {
		return errors.New("who signs in is missing: give --sign-in and --password-file, or --by-hand")
	}
	for name, credential := range map[string]string{"user": c.UserSecret, "service": c.ServiceSecret} {
		if isKey(credential) {
			if _, err := clientKey(credential); err != nil {
				return fmt.Errorf("the %s credential: %w", name, err)
			}
		}
	}
	u, err := netaddr.CanonicalURL(c.Issuer)
	if err != nil {
		return fmt.Errorf("--issuer: %w", err)
	}
	if u.Scheme != "https" && !netaddr.IsLoopback(u.Hostname()) {
		return errors.New("--issuer: use https; http is for loopback only, as credentials are sent there")
	}
	if len(c.Challenge) > 200 {
		return errors.New("--challenge: use at most 200 bytes")
	}
	if c.Disturb && c.Inside == nil {
		return errors.New("--disturb needs --data: it administers the system")
	}
	for _, id := range c.Only {
		if title(id) == "" {
			return fmt.Errorf("--only %s: use I1 to I14", id)
		}
	}
	return nil
}

func title(id string) string {
	for _, t := range titles {
		if t.id == id {
			return t.title
		}
	}
	return ""
}

func newRun(c Config) (*run, error) {
	if c.Pace == 0 {
		c.Pace = Pace
	}
	if c.Transport == nil {
		c.Transport = dialer()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	r := &run{config: c, rows: map[string]*Row{}}
	r.wire = newWire(c.Transport, c.Pace, &r.secrets)
	r.secrets.Note("user secret", c.UserSecret)
	r.secrets.Note("service secret", c.ServiceSecret)
	r.secrets.Note("password", c.Person.Password)
	r.secrets.Note("external password", c.External.Password)
	r.secrets.Note("privileged service secret", c.PrivilegedSecret)
	r.report = Report{
		Schema: Schema, Run: id.String(), Tool: c.Tool, Challenge: c.Challenge, At: tandem.SystemTime().UTC().Truncate(time.Millisecond),
		Target: Target{Issuer: c.Issuer, Application: c.Application, ServiceApplication: c.ServiceApplication},
		Options: Options{
			Data: c.Inside != nil, Disturb: c.Disturb, ByHand: c.ByHand, Steps: len(c.Steps) > 0, OData: c.OData != "",
			External: c.External.Login != "", Public: c.PublicApplication != "", Only: append([]string{}, c.Only...),
		},
	}
	for _, t := range titles {
		if r.report.Options.Asked(t.id) {
			r.rows[t.id] = &Row{ID: t.id, Title: t.title, Probes: []Probe{}}
		}
	}
	if c.ByHand {
		r.user, err = newByHand(c.RedirectURI, c.Say)
	} else {
		r.user, err = newForms(r, c.Person)
	}
	return r, err
}

// finish settles the rows.
func (r *run) finish(begun time.Time) *Report {
	report := &r.report
	for _, t := range titles {
		row := r.rows[t.id]
		if row == nil {
			continue
		}
		row.settle(r.config.ServiceApplication != "")
		report.Rows = append(report.Rows, *row)
	}
	report.complete()
	report.Requests, report.Milliseconds = r.wire.count(), time.Since(begun).Milliseconds()
	report.Target.TLS = spoken(r.wire.tls)
	report.Limits = r.limits()
	return report
}

// limits are what the report does not show.
func (r *run) limits() []string {
	limits := []string{
		"It shows what one application and these accounts could do at one moment. Other applications, other accounts and other replicas were not tried.",
		"It tries what is forbidden from outside. That nothing else is possible it cannot show.",
		"Whoever ran it chose the system and the accounts: a signature says who ran it and that nothing was changed since, not that they are honest.",
	}
	if !r.report.Options.Data {
		limits = append(limits, "Nothing of the system was seen from inside: not its databases, its logs, its processes.")
	}
	if !r.report.Options.Disturb {
		limits = append(limits, "The application was not switched off, its back end not narrowed, and the licence was not filled.")
	}
	if len(r.config.Only) > 0 {
		limits = append(limits, "Only "+strings.Join(r.config.Only, ", ")+" were tried.")
	}
	return limits
}

// nonce binds an authorization request to the run, the challenge and the probe
// ([Nonce]).
func (r *run) nonce(probe string) string { return Nonce(r.report.Run, r.config.Challenge, probe) }

// Nonce is that of every authorization request of a run: base64url of the SHA-256 of
// run, challenge and probe. An ID token with it was signed for this run and no other.
func Nonce(run, challenge, probe string) string {
	sum := sha256.Sum256([]byte(run + challenge + probe))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
