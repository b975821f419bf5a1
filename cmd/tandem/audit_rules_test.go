package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// ruleCase is how one rule fires, and what mends it.
type ruleCase struct {
	rule string
	// subject is a part of the name of what it is found in. Before set nothing is found
	// there; other things may be.
	subject string
	set     func(b *ruleBench)
	// evidence is a part of what is told.
	evidence string
	// choose has words for those in capitals in the mending command.
	choose map[string]string
	// decide ends it where no command does; instead does what the command would do, where
	// that needs more than there is here.
	decide, instead func(b *ruleBench)
}

// ruleBench is an instance that rules are tried on.
type ruleBench struct {
	*tandemtest.Instance
	t    *testing.T
	keys string // the folder of key files
}

// exec changes rows as time does: cases make things older than they are.
func (b *ruleBench) exec(statement string, args ...any) {
	b.t.Helper()
	for i, arg := range args {
		if at, ok := arg.(time.Time); ok {
			args[i] = sqldb.Micros(at)
		}
	}
	if _, err := b.Platform.DB.Writer().ExecContext(b.t.Context(), statement, args...); err != nil {
		b.t.Fatal(err)
	}
}

// ago is so many days before now.
func (b *ruleBench) ago(days int) time.Time { return b.Clock.Now().AddDate(0, 0, -days) }

// app registers an application with both halves and a System User of its own, as one would
// wish it, and changes that.
func (b *ruleBench) app(name string, change func(*glossary.TrustedApp)) glossary.TrustedApp {
	b.t.Helper()
	svc := b.CreateUser(signin.NewUser{Login: "svc." + name, Type: glossary.SystemUserNoLogin})
	a := glossary.TrustedApp{
		ApplicationURI: "com.rules/" + name, Name: name, Enabled: true, ClientType: glossary.ClientConfidential, InternalUsers: true, FirstParty: true,
		SystemUserAllowed: true, SystemUserID: svc.ID, Scope: glossary.Scope{"read", "update"},
		Owner: "anna", RedirectURIs: []string{"https://" + name + ".example.com/cb"}, PostLogoutRedirectURIs: []string{"https://" + name + ".example.com/"},
	}
	if change != nil {
		change(&a)
	}
	b.CreateApp(a)
	made, err := b.Platform.Apps.Get(b.t.Context(), a.ApplicationURI)
	must(b.t, err)
	return made
}

// key makes a pair and returns the file of its public key.
func (b *ruleBench) key() string {
	b.t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(b.t, err)
	der, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	must(b.t, err)
	file := filepath.Join(b.keys, rand.Text()+".pem")
	must(b.t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	return file
}

// credential is the id of an application's credential of a flow.
func (b *ruleBench) credential(a glossary.TrustedApp, flow glossary.Flow) string {
	for _, c := range a.Credentials {
		if c.Flow == flow {
			return c.ID
		}
	}
	b.t.Fatalf("%s has no credential of the %s flow", a.ApplicationURI, flow)
	return ""
}

func (b *ruleBench) announce(r findings.Replica) {
	b.t.Helper()
	must(b.t, data.NewFindings(b.Platform.DB).Announce(b.t.Context(), r))
}

// proof keeps a proof of the portal, in which some invariants have another verdict than
// that they hold.
func (b *ruleBench) proof(verdict string, ids ...string) {
	b.t.Helper()
	report := &prove.Report{
		Run: uuid.Must(uuid.NewV7()).String(), At: b.Clock.Now(), Target: prove.Target{Issuer: b.Issuer, Application: tandemtest.Portal},
	}
	for n := range prove.Invariants() {
		row := prove.Row{ID: fmt.Sprintf("I%d", n+1), Verdict: prove.Holds}
		if slices.Contains(ids, row.ID) {
			row.Verdict = prove.Verdict(verdict)
		}
		report.Rows = append(report.Rows, row)
	}
	_, err := b.Platform.RecordProof(b.t.Context(), tandemtest.By, report, []byte("{}"), nil)
	must(b.t, err)
}

// public is a replica that others reach, seen last.
func (b *ruleBench) public() findings.Replica {
	return findings.Replica{Name: "public", URL: "https://erp.example.com", Version: "test", Licence: "25 slots", Seen: b.Clock.Now().Add(time.Hour)}
}

// ruleCases are those of this file; those of rights are in audit_test.go.
var ruleCases = []ruleCase{
	{rule: "APP-01", subject: "com.rules/classic", evidence: "user, service", set: func(b *ruleBench) {
		b.app("classic", func(a *glossary.TrustedApp) { a.SecretHash = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" })
	}},
	{rule: "APP-02", subject: "com.rules/basic", evidence: "yes", set: func(b *ruleBench) {
		b.app("basic", func(a *glossary.TrustedApp) { a.BasicAuthentication = true })
	}},
	{rule: "APP-09", subject: "com.rules/orphan", evidence: "nobody", choose: map[string]string{"OWNER": "anna"}, set: func(b *ruleBench) {
		b.app("orphan", func(a *glossary.TrustedApp) { a.Owner = "" })
	}},
	{rule: "APP-09", subject: "com.rules/left", evidence: "eva, who is disabled", choose: map[string]string{"OWNER": "eva@example.com"}, set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "eva", Type: glossary.InternalUser})
		b.app("left", func(a *glossary.TrustedApp) { a.Owner = "eva" })
		if found := ofSubject(b.t, b.Instance, "APP-09", "left"); len(found) > 0 {
			b.t.Errorf("while she is here: %+v", found)
		}
		do(b.t, b.Instance, "tandem user disable eva")
	}},
	{rule: "APP-10", subject: "com.rules/local", evidence: "http://localhost:3000/cb", set: func(b *ruleBench) {
		b.app("local", func(a *glossary.TrustedApp) {
			a.RedirectURIs = []string{"https://local.example.com/cb", "http://localhost:3000/cb"}
		})
	}},
	{rule: "APP-12", subject: "com.rules/second", evidence: "com.rules/first", set: func(b *ruleBench) {
		b.app("first", nil)
		b.app("second", func(a *glossary.TrustedApp) {
			a.RedirectURIs = []string{"https://first.example.com/cb", "https://second.example.com/cb"}
		})
	}},
	{rule: "APP-13", subject: "com.rules/stays", evidence: "none", choose: map[string]string{"URI": "https://stays.example.com/"}, set: func(b *ruleBench) {
		b.app("stays", func(a *glossary.TrustedApp) { a.PostLogoutRedirectURIs = nil })
	}},
	{rule: "APP-14", subject: tandemtest.Portal, evidence: "refresh tokens", choose: map[string]string{"URL": "https://portal.example.com/told"}, set: func(b *ruleBench) {
		b.SignIn("anna")
	}},
	{rule: "APP-16", subject: "com.rules/foreign", evidence: "app.partner.net", set: func(b *ruleBench) {
		b.app("foreign", func(a *glossary.TrustedApp) {
			a.RedirectURIs = []string{"https://app.partner.net/cb", "https://foreign.example.com/cb"}
		})
	}},
	{rule: "APP-25", subject: "com.rules/deaf", evidence: "503", choose: map[string]string{"URL": "https://deaf.example.com/told"}, set: func(b *ruleBench) {
		a := b.app("deaf", func(a *glossary.TrustedApp) { a.BackchannelLogoutURI = "https://deaf.example.com/old" })
		b.exec(`INSERT INTO deliveries (id, kind, body, state, tries, last_error, created_at, next_at, target, tried_at)
			VALUES ('deaf', 'backchannel_logout', 'user sid', 'waiting', 3, 'the answer is 503 Service Unavailable', $2, $3, $1, $4)`, a.ID, b.ago(1), b.ago(-1), b.ago(0))
	}},
	{rule: "APP-15", subject: "com.rules/outside", evidence: "external users alone", set: func(b *ruleBench) {
		b.app("outside", func(a *glossary.TrustedApp) { a.InternalUsers, a.ExternalUsers = false, true })
	}},
	{rule: "APP-18", subject: "com.rules/open", evidence: "AuthenticatedUsers", set: func(b *ruleBench) {
		a := b.app("open", func(a *glossary.TrustedApp) { a.AccessTokens = glossary.AccessTokensAuthenticatedUsers })
		b.exec(`UPDATE applications SET changed_at = $2 WHERE id = $1`, a.ID, b.ago(91))
	}},
	{rule: "APP-19", subject: "com.rules/old", evidence: "181 days", set: func(b *ruleBench) {
		a := b.app("old", func(a *glossary.TrustedApp) { a.Enabled = false })
		b.exec(`UPDATE applications SET changed_at = $2 WHERE id = $1`, a.ID, b.ago(181))
	}},
	{rule: "CRED-01", subject: "com.rules/ever", evidence: "never", set: func(b *ruleBench) { b.app("ever", nil) }},
	{rule: "CRED-02", subject: "com.rules/ends", evidence: "6 days", set: func(b *ruleBench) {
		a := b.app("ends", nil)
		b.exec(`UPDATE credentials SET expires_at = $2 WHERE application_id = $1`, a.ID, b.Clock.Now().Add(6*24*time.Hour-time.Minute))
	}},
	{rule: "CRED-03", subject: "com.rules/never", evidence: "31 days", set: func(b *ruleBench) {
		a := b.app("never", nil)
		b.exec(`UPDATE credentials SET created_at = $2 WHERE application_id = $1`, a.ID, b.ago(31))
	}},
	{rule: "CRED-04", subject: "com.rules/replaced", evidence: "the other", set: func(b *ruleBench) {
		a := b.app("replaced", nil)
		old := b.credential(a, glossary.FlowService)
		do(b.t, b.Instance, "tandem app credential add com.rules/replaced --flow service")
		b.exec(`UPDATE credentials SET last_used_at = $2 WHERE application_id = $1`, a.ID, b.Clock.Now())
		b.exec(`UPDATE credentials SET last_used_at = $2 WHERE id = $1`, old, b.ago(91))
	}},
	{rule: "CRED-05", subject: "com.rules/many", evidence: "service", set: func(b *ruleBench) {
		b.app("many", nil)
		do(b.t, b.Instance, "tandem app credential add com.rules/many --flow service", "tandem app credential add com.rules/many --flow service")
	}},
	{rule: "CRED-05", subject: "com.rules/rotates", evidence: "last used", set: func(b *ruleBench) {
		a := b.app("rotates", nil)
		do(b.t, b.Instance, "tandem app credential add com.rules/rotates --flow service")
		b.exec(`UPDATE credentials SET created_at = $2, last_used_at = $3 WHERE application_id = $1`, a.ID, b.ago(40), b.ago(1))
	}},
	{rule: "CRED-06", subject: "com.rules/places", evidence: "2001:db8:1::/64, 203.0.113.7", set: func(b *ruleBench) {
		a := b.app("places", nil)
		id := b.credential(a, glossary.FlowService)
		var uses []identity.CredentialUse
		for _, from := range []string{"203.0.113.7:4711", "[2001:db8:1::5]:1", "[2001:db8:1::6]:1", "198.51.100.1:1"} {
			uses = append(uses, identity.CredentialUse{ApplicationID: a.ID, CredentialID: id, At: b.ago(0), From: from})
		}
		must(b.t, data.NewApplications(b.Platform.DB).CredentialsUsed(b.t.Context(), uses[:3]))
		if found := ofSubject(b.t, b.Instance, "CRED-06", "places"); len(found) > 0 {
			b.t.Errorf("of two networks: %+v", found)
		}
		must(b.t, data.NewApplications(b.Platform.DB).CredentialsUsed(b.t.Context(), uses))
	}},
	{rule: "CRED-07", subject: "com.rules/same", evidence: "user flow", set: func(b *ruleBench) {
		b.app("same", nil)
		file := b.key()
		do(b.t, b.Instance, "tandem app credential add com.rules/same --flow user --public-key "+file,
			"tandem app credential add com.rules/same --flow service --public-key "+file)
	}},
	{rule: "CRED-08", subject: "com.rules/secret", evidence: "keys: none", set: func(b *ruleBench) { b.app("secret", nil) }},
	{rule: "CRED-09", subject: "com.rules/known", evidence: "eva, who is disabled", set: func(b *ruleBench) {
		a := b.app("known", nil)
		b.exec(`UPDATE credentials SET created_by = $2 WHERE id = $1`, b.credential(a, glossary.FlowUser), "anna")
		b.exec(`UPDATE credentials SET created_by = $2 WHERE id = $1`, b.credential(a, glossary.FlowService), "eva")
	}},
	{rule: "CRED-10", subject: "com.rules/without", evidence: "service", set: func(b *ruleBench) {
		a := b.app("without", nil)
		do(b.t, b.Instance, "tandem app credential revoke com.rules/without "+b.credential(a, glossary.FlowService))
	}},
	{rule: "SYS-01", subject: "svc.shared", evidence: "com.rules/guest, com.rules/shared", set: func(b *ruleBench) {
		host := b.app("shared", nil)
		b.app("guest", func(a *glossary.TrustedApp) { a.SystemUserID = host.SystemUserID })
	}},
	{rule: "SYS-02", subject: "com.rules/still", evidence: "disabled", set: func(b *ruleBench) {
		b.app("still", nil)
		do(b.t, b.Instance, "tandem user disable svc.still")
	}},
	{rule: "SYS-02", subject: "com.rules/person", evidence: "InternalUser", set: func(b *ruleBench) {
		a := b.app("person", nil)
		b.exec(`UPDATE users SET user_type = $2 WHERE id = $1`, a.SystemUserID, string(glossary.InternalUser))
	}},
	{rule: "SYS-02", subject: "com.rules/gone", evidence: "deleted", set: func(b *ruleBench) {
		a := b.app("gone", nil)
		b.exec(`UPDATE users SET login = $2, login_key = $2, is_enabled = $3 WHERE id = $1`, a.SystemUserID, "#"+a.SystemUserID, false)
		b.exec(`DELETE FROM principal_names WHERE name = 'svc.gone'`)
	}},
	{rule: "USR-02", subject: "the instance", evidence: "administrators: 11", choose: map[string]string{"LOGIN": "boss0"}, set: func(b *ruleBench) {
		do(b.t, b.Instance, "tandem user update anna --admin") // of two nobody says anything
		if found, _ := findingsOf(b.t, b.Instance, "USR-02"); len(found) > 0 {
			b.t.Errorf("of two administrators: %+v", found)
		}
		for _, n := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8"} {
			b.CreateUser(signin.NewUser{Login: "boss" + n, Type: glossary.InternalUser, Admin: true})
		}
	}},
	{rule: "USR-03", subject: "boss1", evidence: "last sign-in: 20", set: func(b *ruleBench) {
		b.exec(`UPDATE users SET last_sign_in_at = $2 WHERE login = $1`, "boss1", b.ago(91))
	}},
	{rule: "USR-03", subject: "boss2", evidence: "last sign-in: never", set: func(b *ruleBench) {
		b.exec(`UPDATE users SET created_at = $2 WHERE login = $1`, "boss2", b.ago(91))
	}},
	{rule: "USR-04", subject: "idle", evidence: "last sign-in: 20", set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "idle", Type: glossary.InternalUser})
		b.exec(`UPDATE users SET last_sign_in_at = $2, created_at = $3 WHERE login = $1`, "idle", b.ago(181), b.ago(300))
	}},
	{rule: "USR-01", subject: "solo", evidence: "second factor: none", set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "solo", Type: glossary.InternalUser, Admin: true})
	}},
	{rule: "USR-05", subject: "demo", evidence: "https://erp.example.com", set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "demo", Type: glossary.InternalUser})
		b.exec(`UPDATE users SET password_origin = $2 WHERE login = $1`, "demo", string(glossary.PasswordDemo))
	}},
	{rule: "USR-08", subject: "chosen", evidence: "password: set by an administrator", set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "chosen", Type: glossary.InternalUser})
		b.exec(`UPDATE users SET password_changed_at = $2 WHERE login = $1`, "chosen", b.ago(8))
	}},
	{rule: "USR-09", subject: "blind", evidence: "customers: none", set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "blind", Type: glossary.ExternalCommunityUser})
	}},
	{rule: "KEY-02", subject: "instance.key", evidence: "mode: 0644", set: func(b *ruleBench) { must(b.t, os.Chmod(b.Store().KeyFile, 0o644)) }},
	{rule: "KEY-03", subject: "planted", evidence: "is for: access tokens", set: func(b *ruleBench) {
		_, err := data.NewKeys(b.Platform.DB).AddKey(b.t.Context(), token.StoredKey{ID: "planted", Use: token.UseAccess, Generation: 99, Sealed: []byte("x"), CreatedAt: b.Clock.Now(), ActivateAt: b.Clock.Now()})
		must(b.t, err)
	}},
	{rule: "REC-01", subject: "record", evidence: "missing 3 between", set: func(b *ruleBench) {
		must(b.t, b.Platform.Sealing.RememberNightly(b.t.Context(), &sealing.Report{At: b.Clock.Now(), Faults: []sealing.Fault{{Text: "missing 3 between A and B"}}}))
	}},
	{rule: "REC-01", subject: "record", evidence: "database older than anchor", set: func(b *ruleBench) {
		b.Advance(2 * time.Minute)
		must(b.t, b.Platform.SealRecord(b.t.Context()))
		must(b.t, b.Platform.Sealing.RememberNightly(b.t.Context(), &sealing.Report{At: b.Clock.Now(), WithAnchors: true, Faults: []sealing.Fault{{Text: "database older than anchor"}}}))
	}, instead: func(b *ruleBench) {
		if text, code := tandemOn(b.t, b.Instance, "tandem record verify"); code != 0 || !strings.Contains(text, "give the anchor with --anchor") {
			b.t.Errorf("exit %d: %s", code, text)
		}
		if len(ofSubject(b.t, b.Instance, "REC-01", "record")) == 0 {
			b.t.Error("a verification without the anchor hides what one with it has found")
		}
		heads, err := b.Platform.Sealing.Store.Heads(b.t.Context(), 1, 0)
		must(b.t, err)
		file := filepath.Join(b.keys, "anchor")
		must(b.t, os.WriteFile(file, []byte(heads[0].Note+"\n"), 0o600))
		do(b.t, b.Instance, "tandem record verify --anchor "+file)
	}},
	{rule: "REC-01", subject: "record", evidence: "last verified: 20", set: func(b *ruleBench) {
		must(b.t, b.Platform.Sealing.RememberNightly(b.t.Context(), &sealing.Report{At: b.ago(3)}))
	}},
	{rule: "REC-02", subject: "record", evidence: "last anchored: 20", set: func(b *ruleBench) {
		b.exec(`UPDATE instance SET value = $1 WHERE name = 'record anchored'`, `"`+b.ago(3).UTC().Format(time.RFC3339)+`"`)
	}, instead: func(b *ruleBench) { must(b.t, b.Platform.Sealing.Anchored(b.t.Context())) }},
	{rule: "INS-01", subject: "version", evidence: "differs: version", set: func(b *ruleBench) {
		other := b.public()
		other.Name, other.Version = "other", "2"
		b.announce(other)
	}, decide: func(b *ruleBench) {
		other := b.public()
		other.Name, other.Seen = "other", b.ago(1)
		b.announce(other)
	}},
	{rule: "INS-01", subject: "age of signing keys", evidence: "differs: age of signing keys", set: func(b *ruleBench) {
		for name, every := range map[string]time.Duration{"public": token.RotateEvery, "other": token.RotateEvery / 2} {
			r := b.public()
			r.Name, r.RotateKeys = name, every
			b.announce(r)
		}
	}, decide: func(b *ruleBench) {
		b.announce(b.public())
		other := b.public()
		other.Name, other.Seen = "other", b.ago(1)
		b.announce(other)
	}},
	{rule: "INS-02", subject: "skewed", evidence: "5s ahead", set: func(b *ruleBench) {
		r := b.public()
		r.Name, r.Skew, r.DevelopmentCA, r.MetricsToAll = "skewed", 5*time.Second, true, true
		b.announce(r)
	}, decide: func(b *ruleBench) {
		r := b.public()
		r.Name = "skewed"
		b.announce(r)
	}},
	{rule: "INS-03", subject: "isolation", evidence: "fails: I9 of " + tandemtest.Portal, set: func(b *ruleBench) {
		b.proof("fails", "I9")
		b.proof("not tested", "I9") // which clears nothing
	}, instead: func(b *ruleBench) { b.proof("holds") }},
	{rule: "ACC-01", subject: "CRED-08 com.rules/secret2", evidence: "reason: a while", set: func(b *ruleBench) {
		b.app("secret2", nil)
		do(b.t, b.Instance, `tandem audit accept CRED-08@com.rules/secret2 --reason "a while" --until `+b.Clock.Now().AddDate(0, 0, 5).UTC().Format(time.DateOnly))
	}, choose: map[string]string{"TEXT": "longer", "DATE": time.Now().AddDate(0, 6, 0).UTC().Format(time.DateOnly)}}, //nolint:forbidigo // the command's clock
}

// ofSubject are the findings of a rule in what has the subject in its name.
func ofSubject(t *testing.T, in *tandemtest.Instance, rule, subject string) (of []findings.Finding) {
	t.Helper()
	found, skipped := findingsOf(t, in, rule)
	if len(skipped) > 0 {
		t.Errorf("%s is skipped: %v", rule, skipped)
	}
	for _, f := range found {
		if strings.Contains(f.Name, subject) {
			of = append(of, f)
		}
	}
	return of
}

// TestRulesFireAndAreMended: each rule keeps quiet, fires where there is something, and is
// quiet again after its own mending commands, as they are pasted.
func TestRulesFireAndAreMended(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		b := &ruleBench{in, t, t.TempDir()}
		b.announce(b.public())
		must(t, in.Platform.Sealing.Anchored(t.Context()))
		b.exec(`UPDATE instance SET value = $1 WHERE name = 'last sign-ins since'`, fmt.Sprint(b.ago(365).UnixMicro()))
		b.try(ruleCases)
	})
}

// try tries rules one after the other.
func (b *ruleBench) try(cases []ruleCase) {
	t, in := b.t, b.Instance
	for _, c := range cases {
		for _, f := range ofSubject(t, in, c.rule, c.subject) {
			if c.rule != "USR-02" && c.rule != "INS-03" { // of which an instance has one to begin with
				t.Errorf("%s: before anything was done: %+v", c.rule, f)
			}
		}
		c.set(b)
		found := ofSubject(t, in, c.rule, c.subject)
		text, mend := "", []string(nil)
		for i := range found {
			for _, e := range found[i].Evidence {
				text += e.Name + ": " + e.Text() + "\n"
			}
			mend = append(mend, found[i].Mend...)
		}
		if len(found) == 0 || !strings.Contains(text, c.evidence) || (len(mend) == 0) != (c.decide != nil) {
			t.Errorf("%s in %s: %+v, want one with …%s…", c.rule, c.subject, found, c.evidence)
		}
		for _, command := range mend {
			if c.instead == nil {
				b.mend(command, c.choose)
			}
		}
		for _, do := range []func(*ruleBench){c.decide, c.instead} {
			if do != nil {
				do(b)
			}
		}
		if found := ofSubject(t, in, c.rule, c.subject); len(found) > 0 {
			t.Errorf("%s: after %q: %+v", c.rule, mend, found)
		}
	}
}

// mend runs a mending command, with the words that somebody chooses.
func (b *ruleBench) mend(command string, choose map[string]string) {
	b.t.Helper()
	if strings.HasSuffix(command, " FILE") {
		command = strings.TrimSuffix(command, "FILE") + b.key()
	}
	for word, chosen := range choose {
		command = strings.ReplaceAll(command, " "+word, ` "`+chosen+`"`)
	}
	do(b.t, b.Instance, command)
}

// TestEveryRuleHasItsCase walks the catalogue: a rule that nobody has seen fire, keep quiet
// and be mended is none.
func TestEveryRuleHasItsCase(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{"KEY-01": true} // TestOldSigningKeys
	for _, c := range slices.Concat(ruleCases, usageCases, tokenCases) {
		tried[c.rule] = true
	}
	for _, r := range findings.Rules() {
		if rights := strings.HasPrefix(r.ID, "PA"); r.Absent == "" && !tried[r.ID] && !rights { // TestFindingsFireAndAreMended
			t.Errorf("%s has no case in ruleCases", r.ID)
		}
	}
}

// TestOldSigningKeys: where no instance runs that rotates them, somebody has to.
func TestOldSigningKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cli := func(command string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `tandem() { "$TANDEM_PROGRAM" "$@"; }; `+command)
		cmd.Env = environment("TANDEM_DATA="+dir, "TANDEM_PROGRAM="+binary, "PATH="+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		return string(out)
	}
	cli("tandem user create anna --type system")
	cli("tandem key rotate")
	if out := cli("tandem audit --rule KEY-01"); !strings.Contains(out, "found   nothing") {
		t.Error(out)
	}
	on := func(do func(db *sqldb.DB) error) {
		t.Helper()
		db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(dir, "tandem.db"), sqldb.Options{})
		must(t, err)
		must(t, do(db))
		must(t, db.Close())
	}
	older := func(days int) {
		t.Helper()
		on(func(db *sqldb.DB) error {
			_, err := db.Writer().ExecContext(t.Context(), `UPDATE signing_keys SET activate_at = activate_at - $1`, (time.Duration(days) * 24 * time.Hour).Microseconds())
			return err
		})
	}
	older(12)
	if out := cli("tandem audit --rule KEY-01"); !strings.Contains(out, "found   nothing") {
		t.Error(out)
	}
	// With --lifetime key, also where another replica has another one: the first makes the next.
	ran := func(name string, days int, seen time.Time) {
		t.Helper()
		r := findings.Replica{Name: name, URL: "http://localhost:1", Version: "test", RotateKeys: time.Duration(days) * 24 * time.Hour, Seen: seen}
		on(func(db *sqldb.DB) error { return data.NewFindings(db).Announce(t.Context(), r) })
	}
	for _, c := range []struct {
		name   string
		days   int
		ago    time.Duration
		failed bool
	}{{"gone", 10, time.Hour, true}, {"later", 20, time.Minute, false}, {"old version", 0, 0, false}, {"first", 10, 0, true}} {
		ran(c.name, c.days, time.Now().Add(-c.ago))
		out := cli("tandem audit --rule KEY-01 --fail-on high || true")
		if failed := strings.Contains(out, "to be replaced after: 10 days"); failed != c.failed || failed == strings.Contains(out, "found   nothing") {
			t.Errorf("%s: %s", c.name, out)
		}
	}
	ran("first", 90, time.Now())
	older(80)
	out := cli("tandem audit --rule KEY-01 --fail-on high || true")
	if !strings.Contains(out, "KEY-01") || !strings.Contains(out, "$ tandem key rotate") || !strings.Contains(out, "next key: none") {
		t.Error(out)
	}
	cli("tandem key rotate")
	if out := cli("tandem audit --rule KEY-01"); !strings.Contains(out, "found   nothing") {
		t.Error(out)
	}
}
