package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE4_RowsGetKeysThatEveryReplicaKnows: a replica that has not heard of a key takes the
// rows of its set for everybody's, so no door puts one on a row before all have.
func TestE4_RowsGetKeysThatEveryReplicaKnows(t *testing.T) {
	t.Parallel()
	const types, key = "Systems_Documents_DocumentTypes", "Board only"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.SignIn("admin").Access
		_, text := in.API("GET", types+"?$top=1&$select=Id", admin, "")
		row := types + "(" + text[strings.Index(text, `"Id":"`)+6:][:36] + ")"
		k, err := in.Platform.Permissions.CreateKey(t.Context(), tandemtest.By, types, key)
		must(t, err)
		body := `{"AccessKey":{"@odata.id":"Systems_Security_AccessKeys(` + k.ID + `)"}}`
		in.Refresh()
		if status, text := in.API("PATCH", row, admin, body); status != 422 || !strings.Contains(text, "Object not found") {
			t.Errorf("a new key by the API: %d %s", status, text)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if err := in.Platform.PutKey(ctx, tandemtest.By, key, row); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a new key by command: %v", err)
		}
		anna := in.SignIn("anna").Access
		if status, text := in.API("GET", row, anna, ""); status != 200 {
			t.Errorf("the row before it has the key: %d %s", status, text)
		}
		in.Clock.Advance(permission.Settling)
		in.Refresh()
		if status, text := in.API("PATCH", row, admin, body); status != 204 {
			t.Errorf("a key that is known by the API: %d %s", status, text)
		}
		if status, text := in.API("GET", row, anna, ""); status != 404 {
			t.Errorf("the row with the key: %d %s", status, text)
		}
		must(t, in.Platform.TakeKey(t.Context(), tandemtest.By, row))
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, key, row))
	})
}

// The audit counts the age of signing keys by what the replicas are told.
func TestReplicasTellWhenTheyReplaceKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, RotateKeys: 10 * 24 * time.Hour})
		must(t, in.Platform.Announce(t.Context()))
		f, err := in.Platform.Facts(t.Context(), findings.Limits{}, ruleOf(t, "KEY-01"))
		if err != nil || len(f.Setting.Replicas) == 0 || f.Setting.Replicas[0].RotateKeys != 10*24*time.Hour {
			t.Errorf("%v %+v", err, f.Setting)
		}
	})
}

// ruleOf is a rule of the audit.
func ruleOf(t *testing.T, id string) []findings.Rule {
	t.Helper()
	for _, r := range findings.Rules() {
		if r.ID == id {
			return []findings.Rule{r}
		}
	}
	t.Fatal("there is no rule " + id)
	return nil
}

// A key that does not open is found by the audit and told by /readyz, with what mends it;
// one that has retired and verifies is nobody's business.
func TestD25_ALostKeyIsTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, OwnKeys: true, Log: quiet})
		keyOf := func(use token.KeyUse, state token.KeyState) string {
			t.Helper()
			must(t, in.Platform.Keys.Refresh(t.Context()))
			for _, k := range in.Platform.Keys.List() {
				if k.Use == use && k.State == state {
					return k.ID
				}
			}
			t.Fatalf("no key for %s is %s: %+v", use, state, in.Platform.Keys.List())
			return ""
		}
		spoil := func(id string) {
			t.Helper()
			_, err := in.Platform.DB.Writer().ExecContext(t.Context(), `UPDATE signing_keys SET sealed = $1 WHERE id = $2`, []byte("nothing of ours"), id)
			must(t, err)
		}
		told := func(want string) {
			t.Helper()
			must(t, in.Platform.Keys.Refresh(t.Context()))
			report, err := in.Platform.RunAudit(t.Context(), platform.AuditOptions{Rules: ruleOf(t, "KEY-03")})
			must(t, err)
			var mend []string
			for _, f := range report.Findings {
				mend = append(mend, f.Mend...)
			}
			// Who has opened it goes on with it until the next start, and tells of it before.
			for _, replica := range []string{in.URL, in.Replica(t).URL} {
				status, body := get(t, replica+"/readyz")
				if status != 200 || strings.Join(mend, "\n") != want || want == "" && body != "ready\n" || !strings.Contains(body, want) {
					t.Errorf("want %q, audit: %q, /readyz of %s: %d %q", want, mend, replica, status, body)
				}
			}
		}
		retired := keyOf(token.UseAccess, token.KeyActive)
		_, err := in.Platform.RotateKeys(t.Context(), tandemtest.By)
		must(t, err)
		next := keyOf(token.UseAccess, token.KeyNext)
		told("")
		spoil(next)
		told("tandem key distrust " + next)
		_, err = in.Platform.DistrustKey(t.Context(), tandemtest.By, next)
		must(t, err)
		told("")
		_, err = in.Platform.RotateKeys(t.Context(), tandemtest.By)
		must(t, err)
		in.Clock.Advance(token.PublishLead + time.Minute)
		keyOf(token.UseAccess, token.KeyRetired)
		spoil(retired)
		told("")
	})
}
