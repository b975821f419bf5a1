package platform

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/hsm"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/flood"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// StoreConfig says where an instance's database and key are.
type StoreConfig struct {
	// DB is the database: sqlite:FILE or postgres://…. It is made where it does
	// not exist, and brought up to date. On SQLite the ERP's rows are in a file
	// beside it, see [data.ERPFile].
	DB string
	// KeyFile holds the instance's key, which opens its signing keys and
	// refresh tokens. It is made with the first signing key, and never again: a
	// new key for an old database would open nothing.
	KeyFile string
	// Key is the same key as text (base64); it comes before KeyFile.
	Key string
	// HSM is where signing keys are made and kept; the zero value means sealed, in the
	// database.
	HSM hsm.Config
	// Options tune the database. MaxConns is for the identity server's part of it,
	// ERPConns for the ERP's rows; zero means the defaults of [data.Open].
	Options  sqldb.Options
	ERPConns int
	// Passwords are the costs of new password hashes; zero means the defaults.
	Passwords signin.PasswordParams
	// Lifetimes are those of tokens; zero means the specified ones.
	Lifetimes token.Lifetimes
	// By is recorded as who administers where nobody is told, as at a start; empty means
	// the program itself.
	By tandem.By
	// Log gets what happens; nil means slog.Default.
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

func (c *StoreConfig) defaults() {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Log = calm(c.Log)
	if c.Options.Log == nil {
		c.Options.Log = c.Log
	}
	if c.By == (tandem.By{}) {
		c.By = tandem.By{Login: "tandem:platform", Via: tandem.ViaPlatform}
	}
}

// calm is the log without a line for each request while a database, or a server that
// is asked, is away.
func calm(log *slog.Logger) *slog.Logger {
	return slog.New(flood.Log(log.Handler(), func(err error) bool { return tandem.ErrorCode(err) == tandem.CodeUnavailable }))
}

// InstanceConfig configures an [Instance].
type InstanceConfig struct {
	StoreConfig
	// URL is the public root of the instance: http on loopback, else https. The
	// issuer is the form that [RootURL] gives it, and "/id".
	URL string
	// Version is the program's.
	Version string
	// AccessTokens say how access tokens are written and signed.
	AccessTokens AccessTokens
	// Licence is how many sessions may be open; no slots means
	// session.DefaultSlots.
	Licence tandem.Licence
	// Throttling bounds the guessing of passwords; zero means the defaults.
	Throttling signin.Throttling
	// ClientFailures is how many failed authentications of an application from one address
	// are free in a minute; zero means identity.MaxClientFailures.
	ClientFailures int
	// PasswordConcurrency is how many passwords are hashed at a time, each with
	// 19 MiB and a core; zero means one for each core, at most 4.
	PasswordConcurrency int
	// Idle and ServiceAbsolute are the lifetimes of API sessions; zero means
	// tandem.SessionIdle and tandem.ServiceSessionAbsolute.
	Idle, ServiceAbsolute time.Duration
	// RotateKeys is the age at which a signing key is replaced; zero means
	// token.RotateEvery.
	RotateKeys time.Duration
	// RecordKeep is for how long the record is kept, at least audit.LeastKeep; zero
	// means audit.DefaultKeep, less than zero for ever.
	RecordKeep time.Duration
	// RecordAnchor is a file, best on another disk, to which the heads of the sealed
	// record are appended; empty for none. The instance does not start when the record
	// does not go on from its last one.
	RecordAnchor string
	// RecordKeys are the verifiers of ended epochs of the record that another key has
	// signed than the instance has now.
	RecordKeys []string
	// Queries limit what sessions ask of the ERP; zero means the defaults.
	Queries data.QueryLimits
	// TimeZone is the company's, in which printouts tell times of day; empty means UTC.
	TimeZone string
	// Mail sends mail to people; without it there is none, and nobody is offered any.
	Mail MailConfig
	// Sites are further sites of the instance for the discovery document.
	Sites []api.Site
	// MetricsToAll serves /metrics to every caller. Otherwise only requests
	// from loopback that no proxy forwarded see them.
	MetricsToAll bool
	// DevelopmentCA says that the certificate is of an authority of its own making.
	DevelopmentCA bool
	// Audit says when the instance audits itself, and whom it tells.
	Audit AuditSchedule
	// Logouts says where applications may be that are told of the end of a sign-in.
	Logouts LogoutSchedule
	// Providers says where outside providers may be that people sign in through.
	Providers federation.Network
}

// AccessTokens are how an instance writes and signs access tokens. Those of every format and
// algorithm are taken, so that both can be changed while tokens are out, one replica after
// the other.
type AccessTokens struct {
	// Format is the format; empty means [oauth.FormatERPNet].
	Format oauth.AccessFormat
	// Algorithm is one of [token.AccessAlgorithms]; empty means the first. Another one
	// signs once its key was published for ten minutes.
	Algorithm string
	// Type is the typ of their header: [oauth.TypeAccessToken], which empty means, or
	// [oauth.TypeJWT] for resource servers that take no other. RFC 9068 wants the first.
	Type string
}

func (a *AccessTokens) check() error {
	if a.Type != "" && a.Type != oauth.TypeAccessToken && a.Type != oauth.TypeJWT {
		return fmt.Errorf("access tokens of the type %q: use %s or %s", a.Type, oauth.TypeAccessToken, oauth.TypeJWT)
	}
	if a.Format != "" && a.Format != oauth.FormatERPNet && a.Format != oauth.FormatRFC9068 {
		return fmt.Errorf("access tokens in the format %q: use %s or %s", a.Format, oauth.FormatERPNet, oauth.FormatRFC9068)
	}
	if a.Algorithm != "" && !slices.Contains(token.AccessAlgorithms, a.Algorithm) {
		return fmt.Errorf("access tokens signed with %q: use one of %s", a.Algorithm, strings.Join(token.AccessAlgorithms, ", "))
	}
	return nil
}

// Validate says everything that is wrong with the configuration.
func (c *InstanceConfig) Validate() error {
	var errs []error
	if _, err := RootURL(c.URL); err != nil {
		errs = append(errs, fmt.Errorf("public URL: %w", err))
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		errs = append(errs, fmt.Errorf("the time zone %q is not known; use a name like Europe/Sofia", c.TimeZone))
	}
	if c.DB == "" {
		errs = append(errs, errors.New("no database: use sqlite:FILE or postgres://…"))
	}
	if c.KeyFile == "" && c.Key == "" {
		errs = append(errs, errors.New("no key: name the instance's key file"))
	}
	if c.RecordKeep > 0 && c.RecordKeep < audit.LeastKeep {
		errs = append(errs, fmt.Errorf("the record kept for %s: keep it for %s or more", c.RecordKeep, audit.LeastKeep))
	}
	if c.Audit.At < 0 || c.Audit.At > 24*time.Hour {
		errs = append(errs, fmt.Errorf("an audit at %s: use a time of day", c.Audit.At))
	}
	if c.Lifetimes.Access+token.Skew > data.NameRests {
		errs = append(errs, fmt.Errorf("access tokens that live for %s: use %s at most", c.Lifetimes.Access, data.NameRests-token.Skew))
	}
	errs = append(errs, c.Audit.Alert.check(), c.Mail.check(), c.AccessTokens.check())
	if c.Licence.Slots < 0 {
		errs = append(errs, fmt.Errorf("a licence of %d slots: use 1 or more", c.Licence.Slots))
	} else {
		l := c.Licence
		if l.Slots == 0 {
			l.Slots = session.DefaultSlots
		}
		errs = append(errs, session.CheckLicence(l))
	}
	return errors.Join(errs...)
}

// HalfConfig is what the two halves' programs have in common, each with values
// of its own (invariant I8).
type HalfConfig struct {
	// Issuer is the identity server, any OpenID provider; ODataRoot is the
	// domain API, empty for what the instance's auto-discovery says.
	Issuer, ODataRoot string
	// SigningAlgorithms are those expected of its ID tokens; nil means RS256.
	SigningAlgorithms []string
	ApplicationURI    string
	// CredentialFile holds this half's credential: a secret, or a private key
	// in JWK or PEM. Credential is a secret itself, where there is no file; it
	// must not be logged.
	CredentialFile, Credential string
	// DB is this half's own database, Dir its folder with its key. DBConns are the
	// connections to it; zero means the default of [sqldb.Options]. A worker's
	// engine for jobs has four more.
	DB, Dir string
	DBConns int
	// ChannelKeyFile is the key that the web app and its worker share. It is
	// made by the one that starts first.
	ChannelKeyFile string
	// CAFile has further certificate authorities to trust; may be empty.
	CAFile string
	Log    *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// WebAppConfig configures [NewWebApp].
type WebAppConfig struct {
	HalfConfig
	// KeyFile is the key of the sessions, which all web apps of a database share;
	// empty means the file "key" in Dir. It is made where it does not exist.
	KeyFile string
	// PublicURL is the root that browsers use.
	PublicURL string
	// WorkerURL is where the worker's internal API listens.
	WorkerURL string
}

// WorkerConfig configures [NewWorker].
type WorkerConfig struct {
	HalfConfig
	// ServiceInstance tells workers apart that run at the same time.
	ServiceInstance string
	// Mapping is the mapping file of imports; empty means the one for the
	// Northwind files.
	Mapping string
	// TimeZone is the company's: of the schedules, and of which day it is; empty
	// means UTC.
	TimeZone string
	// ScheduleDelay is how long after the start the schedules begin; zero means
	// the worker's default.
	ScheduleDelay time.Duration
	// EvidenceForItsLife serves people until their ID token expires, without
	// asking whether they still may act: for identity servers that cannot tell.
	EvidenceForItsLife bool
}

// RootURL reads the public root of a program: it has nothing after the host, and
// is https everywhere but on this machine. It returns the root in the one form in
// which browsers write an origin, without a slash at its end: issuer, redirect
// URIs and the check of where a form came from are compared byte for byte.
func RootURL(text string) (string, error) {
	u, err := netaddr.SecureURL(strings.TrimRight(text, "/"))
	if err != nil {
		return "", err
	}
	if u.Path != "" || u.RawQuery != "" || u.ForceQuery {
		return "", fmt.Errorf("%q has more than scheme, host and port: leave out the rest", u.Redacted())
	}
	return u.String(), nil
}
