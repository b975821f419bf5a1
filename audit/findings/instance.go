package findings

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/hybridapps/tandem/permission"
)

// Keys are the rules about the keys of the instance.
var Keys = []Rule{
	{ID: "KEY-01", Severity: High, Title: "A signing key is older than it should be",
		Why: "The longer a key signs, the more comes of its being copied; and no replica seems to rotate it.", Needs: SigningKeys, Check: key01},
	{ID: "KEY-02", Severity: High, Title: "The instance's key can be copied with what it protects",
		Why: "Who has the key and the database makes tokens of anybody.", Needs: Running, Check: key02},
	{ID: "KEY-03", Severity: Medium, Title: "A signing key cannot be opened",
		Why: "It signs nothing and does not come back by itself; who has written over it can write to the database.", Needs: SigningKeys, Check: key03},
}

// Record are the rules about the record.
var Record = []Rule{
	{ID: "REC-01", Severity: High, Title: "The record is not sealed or not verified, or its last verification failed",
		Why: "What is not sealed can be changed without a trace, and nobody sees a trace that nobody looks for.", Needs: Sealing | Running, Check: rec01},
	{ID: "REC-02", Severity: Medium, Title: "No head of the record is kept outside the database",
		Why: "Who has database and key can write the whole record anew.", Needs: Sealing | Running, Check: rec02},
}

// Instances are the rules about how the instance runs, and what was said of it.
var Instances = []Rule{
	{ID: "INS-01", Severity: Medium, Title: "Replicas do not run alike",
		Why: "What holds depends on which of them answers.", Needs: Running, Check: ins01},
	{ID: "INS-02", Severity: Medium, Title: "An instance runs as for development, or its clock is wrong",
		Why: "What is good on one's own machine is not for others to reach; tokens live by the clock.", Needs: Running, Check: ins02},
	{ID: "INS-03", Severity: Low, Title: "The isolation of the halves was not proven lately",
		Why: "What nobody tries may have ceased to hold.", Needs: Proofs, Check: ins03},
	{ID: "ACC-01", Severity: Medium, Title: "An acceptance has lapsed, or will soon",
		Why: "What was let be for a time comes back, and somebody has to decide.", Check: acc01},
}

// SigningKey is a key that signs tokens, or did.
type SigningKey struct {
	ID, Use string
	// ActivateAt is when it begins to sign.
	ActivateAt time.Time
	// Lost says that it does not open, though it may still be needed.
	Lost bool
}

// KeyFile is the file of the instance's key, as whoever audits sees it.
type KeyFile struct {
	// Path is empty where the key comes from elsewhere.
	Path string
	// Mode are the permissions of the file, and 0600 where they are as good as that.
	Mode uint32
	// Database is the file of the database beside it; empty when that is elsewhere.
	Database string
}

// Replica is how a process of the instance runs.
type Replica struct {
	Name string
	// URL is the public root, Licence the slots as text.
	URL, Version, Licence string
	// DevelopmentCA says that its certificate is of its own making, MetricsToAll that
	// everybody may read its figures.
	DevelopmentCA, MetricsToAll bool
	// Skew is by how much its clock is ahead of the database's.
	Skew time.Duration
	// RotateKeys is the age at which it replaces a signing key; zero where it does not say.
	RotateKeys time.Duration
	// Seen is when it last said so.
	Seen time.Time
}

// Alive is for how long a replica counts after it was seen.
const Alive = 5 * time.Minute

// Setting is how the instance runs.
type Setting struct {
	// Replicas are those that were seen lately, the last seen first.
	Replicas []Replica
	Key      KeyFile
}

// URL is the public root of the instance; empty where it is not known.
func (s *Setting) URL() string {
	if len(s.Replicas) == 0 {
		return ""
	}
	return s.Replicas[0].URL
}

// Loopback reports whether the instance is for the people of its own machine.
func (s *Setting) Loopback() bool { return loopback(s.URL()) }

// loopback reports whether a URL leads to the machine of whoever opens it.
func loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// alive are the replicas that run now.
func (f *Facts) alive() (all []Replica) {
	for _, r := range f.Setting.Replicas {
		if f.Now.Sub(r.Seen) < Alive {
			all = append(all, r)
		}
	}
	return all
}

// instance begins a finding about the instance as a whole.
func instance(id string, evidence ...Evidence) Finding {
	return Finding{Kind: "instance", ID: id, Name: "the instance", Evidence: evidence}
}

// rotateKeys is the age at which the next signing key is made: by the first replica of those
// that run, or else by the last that ran.
func (f *Facts) rotateKeys() (every time.Duration) {
	said := f.alive()
	if len(said) == 0 {
		said = f.Setting.Replicas[:min(1, len(f.Setting.Replicas))]
	}
	for _, r := range said {
		if r.RotateKeys != 0 && (every == 0 || r.RotateKeys < every) {
			every = r.RotateKeys
		}
	}
	return cmp.Or(every, f.RotateEvery)
}

func key01(f *Facts) (all []Finding) {
	every := f.rotateKeys()
	newest := map[string]SigningKey{}
	for _, k := range f.SigningKeys {
		if last, ok := newest[k.Use]; !k.Lost && (!ok || k.ActivateAt.After(last.ActivateAt)) {
			newest[k.Use] = k
		}
	}
	for _, use := range []string{"access", "id"} {
		k, ok := newest[use]
		age := f.Now.Sub(k.ActivateAt)
		if !ok || age <= every+day {
			continue // a running instance makes the next one within the day
		}
		x := Finding{Kind: "key", ID: k.ID, Name: use + " " + k.ID, Since: k.ActivateAt.Add(every), Evidence: []Evidence{
			{"signs", use + " tokens"}, {"age", whole(age)}, {"to be replaced after", whole(every)}, {"next key", "none"},
		}}
		x.Mend = []string{"tandem key rotate"}
		all = append(all, x)
	}
	return all
}

func key03(f *Facts) (all []Finding) {
	for _, k := range f.SigningKeys {
		if !k.Lost {
			continue
		}
		x := Finding{Kind: "key", ID: k.ID, Name: k.Use + " " + k.ID, Evidence: []Evidence{{"is for", k.Use + " tokens"}}}
		x.Mend = []string{"tandem key distrust " + permission.Quoted(k.ID)}
		all = append(all, x)
	}
	return all
}

func key02(f *Facts) (all []Finding) {
	k := &f.Setting.Key
	if k.Path == "" {
		return nil
	}
	if k.Mode&0o077 != 0 {
		x := Finding{Kind: "file", ID: "key", Name: k.Path, Evidence: []Evidence{{"mode", fmt.Sprintf("%04o", k.Mode)}}}
		x.Mend = []string{"chmod 600 " + permission.Quoted(k.Path)}
		all = append(all, x)
	}
	if k.Database != "" && !f.Setting.Loopback() {
		x := Finding{Kind: "file", ID: "key beside database", Name: k.Path, Evidence: []Evidence{{"beside it", filepath.Base(k.Database)}}}
		x.Mend = []string{"mv " + permission.Quoted(k.Path) + " FILE"}
		all = append(all, x)
	}
	return all
}

func ins01(f *Facts) (all []Finding) {
	alive := f.alive()
	for _, what := range []struct {
		name string
		of   func(*Replica) string
	}{
		{"public root", func(r *Replica) string { return r.URL }},
		{"version", func(r *Replica) string { return r.Version }},
		{"licence", func(r *Replica) string { return r.Licence }},
		{"age of signing keys", func(r *Replica) string {
			if r.RotateKeys == 0 { // of a version that does not say
				return ""
			}
			return r.RotateKeys.String()
		}},
	} {
		var values []string
		x := instance(what.name)
		x.Name = what.name
		for i := range alive {
			value := what.of(&alive[i])
			if value == "" {
				continue
			}
			values = append(values, value)
			x.Evidence = append(x.Evidence, Evidence{alive[i].Name, value})
		}
		slices.Sort(values)
		if len(slices.Compact(values)) > 1 {
			x.Evidence = append([]Evidence{{"differs", what.name}}, x.Evidence...)
			all = append(all, x)
		}
	}
	return all
}

func ins02(f *Facts) (all []Finding) {
	for _, r := range f.alive() {
		x := Finding{Kind: "replica", ID: r.Name, Name: r.Name}
		if r.DevelopmentCA && !f.Setting.Loopback() {
			x.Evidence = append(x.Evidence, Evidence{"certificate", "of a development authority: --tls-dev"})
		}
		if r.MetricsToAll && !f.Setting.Loopback() {
			x.Evidence = append(x.Evidence, Evidence{"metrics", "for everybody"})
		}
		if r.Skew.Abs() > time.Duration(f.Limits.ClockSkewMilliseconds)*time.Millisecond {
			x.Evidence = append(x.Evidence, Evidence{"clock", r.Skew.Round(time.Millisecond).String() + " ahead of the database's"})
		}
		if len(x.Evidence) > 0 {
			all = append(all, x)
		}
	}
	return all
}

// Seal is how far the record is sealed.
type Seal struct {
	// Unsealed is when the oldest event was made that is not sealed, Verified when all of the
	// record was verified last, Anchored when a head was last kept outside; zero for never.
	Unsealed, Verified, Anchored time.Time
	// Begun is when the first event was sealed.
	Begun time.Time
	// Faults are what the last verification found, First the first of them. WithAnchors
	// says that it had heads from outside to compare with.
	Faults      int64
	First       string
	WithAnchors bool
}

// verify is the command that looks again, with no less than was looked at.
func (s *Seal) verify() []string {
	if s.WithAnchors {
		return []string{"tandem record verify --anchor FILE"}
	}
	return []string{"tandem record verify"}
}

// verifiedDays is how old the last verification may be: there is one each night.
const verifiedDays = 2

func rec01(f *Facts) (all []Finding) {
	s := &f.Seal
	add := func(id string, since time.Time, evidence ...Evidence) {
		x := instance(id, evidence...)
		x.Name, x.Since, x.Mend = "record", since, s.verify()
		all = append(all, x)
	}
	if s.Faults > 0 {
		add("record faults", s.Verified, Evidence{"verified", s.Verified}, Evidence{"faults", s.Faults}, Evidence{"first", s.First})
	}
	if len(f.alive()) == 0 { // where nothing runs, nothing is sealed or verified: that is no gap
		return all
	}
	if gap := f.Now.Sub(s.Unsealed); !s.Unsealed.IsZero() && gap > time.Duration(f.Limits.UnsealedMinutes)*time.Minute {
		add("record unsealed", s.Unsealed, Evidence{"oldest event that is not sealed", s.Unsealed}, Evidence{"minutes", int(gap.Minutes())})
	}
	last := s.Verified
	if last.IsZero() {
		last = s.Begun
	}
	if !last.IsZero() && f.Now.Sub(last) > inDays(verifiedDays) {
		add("record unverified", last.Add(inDays(verifiedDays)), Evidence{"last verified", s.Verified})
	}
	return all
}

// anchorDays is how old the last anchor may be: heads are anchored every minute.
const anchorDays = 2

func rec02(f *Facts) []Finding {
	if f.Setting.Loopback() || !f.Seal.Anchored.IsZero() && f.Now.Sub(f.Seal.Anchored) < inDays(anchorDays) {
		return nil
	}
	x := instance("record anchor", Evidence{"last anchored", f.Seal.Anchored})
	x.Name = "record"
	x.Mend = []string{"tandem instance --record-anchor FILE"}
	return []Finding{x}
}

// Proof is what the runs of tandem prove said.
type Proof struct {
	// At is when all invariants were tried last; zero when never.
	At time.Time
	// Failed are those that did not hold when they were tried last, the latest first.
	Failed []FailedProof
}

// FailedProof is an invariant that did not hold for an application.
type FailedProof struct {
	ApplicationURI, Invariant string
	At                        time.Time
}

func ins03(f *Facts) []Finding {
	x := instance("proof")
	x.Name = "isolation"
	x.Mend = []string{"tandem prove --data DIR"}
	switch age := f.Now.Sub(f.Proof.At); {
	case len(f.Proof.Failed) > 0:
		x.Severity, x.Evidence = High, []Evidence{{"last proof", f.Proof.At}}
		for _, failed := range f.Proof.Failed {
			x.Since = failed.At // the first of them is the last
			x.Evidence = append(x.Evidence, Evidence{"fails", failed.Invariant + " of " + failed.ApplicationURI})
		}
	case f.Proof.At.IsZero():
		x.Evidence = []Evidence{{"last proof", f.Proof.At}}
	case age > inDays(f.Limits.ProofDays):
		x.Since = f.Proof.At.Add(inDays(f.Limits.ProofDays))
		x.Evidence = []Evidence{{"last proof", f.Proof.At}, {"age", whole(age)}}
	default:
		return nil
	}
	return []Finding{x}
}

// acc01 comes after the other rules: what was mended needs no acceptance.
func acc01(f *Facts) (all []Finding) {
	for i := range f.Acceptances {
		a := &f.Acceptances[i]
		if a.Until.Sub(f.Now) > inDays(f.Limits.AcceptanceWarnDays) || f.ran[a.Rule] && !f.found[a.Finding] {
			continue
		}
		x := Finding{Kind: "acceptance", ID: a.Finding, Name: a.Rule + " " + a.Subject, Since: a.Until, Evidence: []Evidence{
			{"until", a.Until}, {"reason", a.Reason}, {"by", a.By},
		}}
		x.Mend = []string{fmt.Sprintf("tandem audit accept %s --reason TEXT --until DATE", a.Finding)}
		all = append(all, x)
	}
	return all
}
