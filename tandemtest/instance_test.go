package tandemtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

func each(t *testing.T, test func(t *testing.T, engine sqldb.Engine)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

func TestBothFlowsAndTheirSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
		anna, service := in.SignIn("anna"), in.ServiceToken()
		if anna.ID == "" || anna.Refresh == "" || anna.Scope != "openid profile offline_access read update" {
			t.Errorf("anna got %q, an ID token: %v, a refresh token: %v", anna.Scope, anna.ID != "", anna.Refresh != "")
		}
		if n := in.Usage().InUse; n != 0 {
			t.Errorf("%d slots are held before the first call", n)
		}
		for _, token := range []string{anna.Access, service} {
			if status, body := in.API("GET", "GetVersion()", token, ""); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
		}
		if u := in.Usage(); u.User != 1 || u.Service != 1 {
			t.Errorf("open sessions: %+v", u)
		}
		in.Advance(tandem.SessionIdle + time.Second)
		if n := in.Usage().InUse; n != 0 {
			t.Errorf("%d sessions outlived their idle time", n)
		}
		if renewed := in.RefreshTokens(anna.Refresh); renewed.Access == anna.Access || renewed.Refresh == anna.Refresh {
			t.Error("a refresh gave the same tokens")
		}
		if n := len(in.Record(tandem.AuditTokenIssued)); n < 3 {
			t.Errorf("%d tokens are on record, want 3", n)
		}
	})
}

func TestI5_ExternalUserTakesNoSlot(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	paul := in.SignIn("paul")
	if strings.Contains(paul.Scope, "read") {
		t.Errorf("an external user got scope %q", paul.Scope)
	}
	if status, _ := in.API("GET", "GetVersion()", paul.Access, ""); status != 401 && status != 403 {
		t.Errorf("the API answered an external user with %d", status)
	}
	if n := in.Usage().InUse; n != 0 {
		t.Errorf("an external user holds %d slots", n)
	}
}

func TestReplicasShareEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
		second := in.Replica(t)
		anna := in.SignIn("anna")
		for _, r := range []*tandemtest.Instance{in, second} {
			if status, body := r.API("GET", "GetVersion()", anna.Access, ""); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
		}
		if n := in.Usage().InUse; n != 1 {
			t.Errorf("one sign-in holds %d slots on two replicas", n)
		}
		second.SignIn("admin") // codes, keys and forms of one are good at the other
		in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		if status, _ := second.API("GET", "GetVersion()", anna.Access, ""); status != 401 {
			t.Errorf("a call of a disabled application got %d", status)
		}
	})
}
