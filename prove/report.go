package prove

import (
	"fmt"
	"slices"
	"time"
)

// Schema is the name of the report's shape; it changes when a name in it does, or what
// has to be in it. Reports of oldSchema have no rows of what was not asked for.
const (
	Schema    = "tandem-proof/2"
	oldSchema = "tandem-proof/1"
)

// Verdict is what became of a probe, and of an invariant.
type Verdict string

// The verdicts. A probe holds when what must work did, and what must be refused
// was. What could not be controlled is never said to hold.
const (
	Holds     Verdict = "holds"
	Fails     Verdict = "fails"
	NotTested Verdict = "not tested"
)

// Report is a whole run. Everything in it that came over the wire is [Shown], or
// a digest.
type Report struct {
	Schema string `json:"schema"`
	// Run is the run's id, a UUIDv7.
	Run    string `json:"run"`
	Tool   Tool   `json:"tool"`
	Target Target `json:"target"`
	// Challenge is a text of whoever is to be convinced; it is part of every nonce.
	Challenge string `json:"challenge"`
	// At is when the run began, Milliseconds how long it took, and Requests how many
	// it made.
	At           time.Time `json:"at"`
	Milliseconds int64     `json:"ms"`
	Requests     int       `json:"requests"`
	Options      Options   `json:"options"`
	// Rows are all invariants in their order; those that were not asked for were not
	// tested.
	Rows []Row `json:"rows"`
	// Limits are what the report does not show, in plain words.
	Limits []string `json:"limits"`
	// IDTokens are there only when they were asked for. They are expired by the time
	// that anybody reads them, and show by the issuer's own signature that this run
	// talked to it.
	IDTokens []SignedNonce `json:"id_tokens,omitempty"`
}

// Tool is the program that ran.
type Tool struct {
	Version      string `json:"version"`
	Commit       string `json:"commit"`
	BinarySHA256 string `json:"binary_sha256"`
}

// Target is the system that was tried. Digests are hexadecimal SHA-256.
type Target struct {
	Issuer          string `json:"issuer"`
	DiscoverySHA256 string `json:"discovery_sha256"`
	// JWKSThumbprints are those of RFC 7638, of each signing key.
	JWKSThumbprints []string `json:"jwks_thumbprints"`
	// TLS is nil where the issuer is spoken to in the clear, on loopback.
	TLS *TLS `json:"tls"`
	// Application is the client id that was tried, ServiceApplication the one of the
	// back end where a provider needs a second registration.
	Application        string `json:"application_uri"`
	ServiceApplication string `json:"service_application_uri,omitempty"`
}

// TLS is the connection to the issuer.
type TLS struct {
	Version    string `json:"version"`
	CertSHA256 string `json:"cert_sha256"`
}

// Options are what the run was told to do, as far as it bears on what it can show.
type Options struct {
	// Data: it could look inside, into the data folder of the system. Disturb: it was
	// allowed to switch the application off and on, narrow its back end and fill the licence.
	Data    bool `json:"data"`
	Disturb bool `json:"disturb"`
	// ByHand: a person signed in. Steps: a file said how to.
	ByHand bool `json:"by_hand"`
	Steps  bool `json:"steps"`
	// OData: the address of the domain API was known. External and Public: there was
	// an external person's account, and a public application.
	OData    bool `json:"odata"`
	External bool `json:"external"`
	Public   bool `json:"public"`
	// Only are the rows that were asked for; empty means all.
	Only []string `json:"only"`
}

// Row is an invariant.
type Row struct {
	// ID is I1 to I14, Title the invariant in a few words.
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Verdict Verdict `json:"verdict"`
	// Why says what decided: the attempt that succeeded, what was missing, or under
	// which condition it holds.
	Why    Shown   `json:"why"`
	Probes []Probe `json:"probes"`
}

// Probe is one attempt, with its control before it and what must be unharmed after.
type Probe struct {
	Name string `json:"name"`
	// Core probes decide whether the row holds; the others can only make it fail.
	Core bool `json:"core"`
	// Sent and Answered are the attempt that decided.
	Sent     Shown   `json:"sent"`
	Answered Shown   `json:"answered"`
	MS       int64   `json:"ms"`
	Verdict  Verdict `json:"verdict"`
	// Why is set when it fails or was not tested.
	Why Shown `json:"why"`
}

// SignedNonce is an ID token of the run with the probe that it was got for. Its
// nonce is [Nonce] of the run, the challenge and the probe.
type SignedNonce struct {
	Probe string `json:"probe"`
	Token string `json:"token"`
}

// Asked says that an invariant was to be tried.
func (o *Options) Asked(id string) bool { return len(o.Only) == 0 || slices.Contains(o.Only, id) }

// complete adds the rows that were not asked for: a report of one invariant must not look
// like one of all.
func (r *Report) complete() {
	all := make([]Row, 0, len(titles))
	for _, t := range titles {
		row := Row{ID: t.id, Title: t.title, Verdict: NotTested, Why: Plain("not asked for"), Probes: []Probe{}}
		if at := slices.IndexFunc(r.Rows, func(there Row) bool { return there.ID == t.id }); at >= 0 {
			row = r.Rows[at]
		}
		all = append(all, row)
	}
	r.Rows = all
}

// Tried is how many of the row's probes held or failed.
func (r *Row) Tried() (n int) {
	for i := range r.Probes {
		if r.Probes[i].Verdict != NotTested {
			n++
		}
	}
	return n
}

// Count is how many rows have a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for i := range r.Rows {
		if r.Rows[i].Verdict == v {
			n++
		}
	}
	return n
}

// Summary is the three counts in a line.
func (r *Report) Summary() string {
	return fmt.Sprintf("%d hold, %d fail, %d not tested", r.Count(Holds), r.Count(Fails), r.Count(NotTested))
}
