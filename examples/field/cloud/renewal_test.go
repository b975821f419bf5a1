package cloud_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// sessionsOf are how many sessions the service has had, and has now.
func sessionsOf(p *fieldtest.Place) (all, open int) {
	for _, s := range p.Sessions(true) {
		if s.User == fieldtest.SystemUser {
			if all++; s.EndedAt.IsZero() {
				open++
			}
		}
	}
	return all, open
}

// F2: an hour passes in the middle of a pull and in the middle of a command: token and
// session of the service both end, the next call has new ones, and never are there two
// slots. Nothing is done twice.
func TestF2_AnHourPassesInTheMiddle(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	c := p.Cloud()
	ph := p.Phone("tom")
	var once atomic.Bool
	hour := func(w http.ResponseWriter, r *http.Request) bool {
		if once.CompareAndSwap(false, true) {
			p.Advance(61 * time.Minute)
		}
		return false
	}
	if err := c.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Advance(61 * time.Minute)
	if err := c.Pull(t.Context()); err != nil {
		t.Fatalf("a pull after an hour: %v", err)
	}
	ph.Renew()
	service := item(t, ph, true)
	l.sees(hour)
	k := ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "1"})
	k.At = k.At.Add(61 * time.Minute)
	k.Skew = -(61 * time.Minute).Milliseconds()
	if a := ph.Send(k); a.Status != 200 && a.Status != 202 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	ph.Renew()
	booked(t, finally(t, p, ph, k.ID))
	if !once.Load() {
		t.Error("no hour has passed")
	}
	if v := p.Visit(id); len(v["Services"].([]any)) != 1 {
		t.Errorf("%v", v["Services"])
	}
	if all, open := sessionsOf(p); all < 2 || open != 1 {
		t.Errorf("%d sessions of the service, %d of them open: want one after the other", all, open)
	}
}

// F10: the credential is rotated, and the token that it got is ended: what is under way has
// a new one after one try more, and no administrator is asked.
func TestF10_RotatedCredential(t *testing.T) {
	t.Parallel()
	p := fieldtest.Start(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	file := filepath.Join(t.TempDir(), "secret")
	write := func(secret string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(p.Secret)
	credential, err := client.ReadServiceCredential(file)
	if err != nil {
		t.Fatal(err)
	}
	db := p.Store(sqldb.SQLite)
	pulled(t, p.CloudOn(db, t.TempDir(), func(c *cloud.Config) { c.Credential = credential }))
	ph := p.Phone("tom")
	booked(t, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "before"})))
	rolled, err := p.Platform.Apps.RollCredential(t.Context(), tandemtest.By, fieldtest.CloudApp, registry.Roll{Flow: tandem.FlowService, Overlap: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	write(rolled.Secret)
	for _, old := range rolled.Old {
		if n, err := p.Platform.RevokeCredential(t.Context(), tandemtest.By, fieldtest.CloudApp, old.ID, true); err != nil || n == 0 {
			t.Fatalf("%d tokens ended: %v", n, err)
		}
	}
	p.Refresh()
	k := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "after"})
	if a := ph.Send(k); a.Status != 200 && (a.Status != 202 || strings.Contains(a.Message, "administrator")) {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	booked(t, finally(t, p, ph, k.ID))
	var tries int
	if err := db.Reader().QueryRowContext(t.Context(), `SELECT tries FROM commands WHERE id = $1`, k.ID).Scan(&tries); err != nil || tries > 1 {
		t.Errorf("%d tries failed before: %v", tries, err)
	}
	if v := p.Visit(id); v["Notes"] != "after" {
		t.Errorf("%v", v["Notes"])
	}
}
