package cloud_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// F10 in the last instant: the token is renewed as another System User when the service has
// looked whom it acts as, and before it writes. Nothing is written as that one, though it may.
func TestF10_AnotherSystemUserInTheLastInstant(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		for _, what := range []string{"a command", "a reminder"} {
			t.Run(string(engine)+" "+what, func(t *testing.T) {
				t.Parallel()
				var look atomic.Pointer[func()]
				p := morning(t, tandemtest.Options{Engine: engine, Wrap: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						ours := what == "a reminder" || r.Header.Get(api.OnBehalfHeader) != "" // not the first copy's
						if ours && r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, api.DomainPath) {
							if change := look.Swap(nil); change != nil {
								(*change)()
							}
						}
						next.ServeHTTP(w, r)
					})
				}})
				p.Morning(6, 30)
				id := p.Visits("tom", p.Today(9), 1)[0]
				c := pulled(t, p.CloudOn(p.Store(engine), t.TempDir()))
				ph := p.Phone("tom")
				if what == "a reminder" {
					ph.Get("me", &wire.Me{})
				}
				other := p.CreateUser(signin.NewUser{Login: "svc.other", Type: tandem.SystemUserNoLogin})
				p.Grant("Field cloud", "svc.other")
				var changed atomic.Bool
				change := func() {
					p.UpdateApp(fieldtest.CloudApp, func(a *tandem.TrustedApp) { a.SystemUserID = other.ID })
					p.Advance(61 * time.Minute)
					changed.Store(true)
				}
				look.Store(&change)
				if what == "a reminder" {
					if err := c.Remind(t.Context()); err == nil || !strings.Contains(err.Error(), "an administrator has to start the service") {
						t.Errorf("the reminder: %v", err)
					}
				} else if a := ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "as another"})); a.Status != 202 || !strings.Contains(a.Message, "administrator") {
					t.Errorf("the command: %d %s", a.Status, a.Body)
				}
				if !changed.Load() {
					t.Fatal("nothing was looked at before it was written")
				}
				if given := p.Find("Systems_Core_Notifications", "ExternalSystem eq 'field'", "&$select=CreationUser"); len(given) > 0 {
					t.Errorf("reminders: %v", given)
				}
				if v := p.Visit(id); v["UpdateUser"] == "svc.other" {
					t.Errorf("the visit was changed by %v", v["UpdateUser"])
				}
			})
		}
	}
}
