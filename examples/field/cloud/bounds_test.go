package cloud_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// What a person may send is bounded: commands a day, over all devices, and devices, which
// commands make as well.
func TestBoundsOfAPerson(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := morning(t, tandemtest.Options{Engine: engine})
			db := p.Store(engine)
			id := p.Visits("tom", p.Today(9), 1)[0]
			c := pulled(t, p.CloudOn(db, t.TempDir()))
			ph, other := p.Phone("tom"), p.Phone("tom")
			note := func(ph *fieldtest.Phone) wire.Command { return ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"}) }
			booked(t, ph.Send(note(ph)))
			if _, err := db.Writer().ExecContext(t.Context(), `UPDATE devices SET counted = counted + 19998`); err != nil {
				t.Fatal(err)
			}
			booked(t, other.Send(note(other)))
			late := note(other)
			a := other.Send(late)
			refusedAs(t, a, 429, wire.TooMany)
			now := p.Clock.Now().UTC()
			left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
			if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 1 || time.Duration(s)*time.Second > left+time.Minute {
				t.Errorf("Retry-After: %v, and the day has %v", a.Header, left)
			}
			p.Clock.Advance(24 * time.Hour)
			ph.SignIn()
			other.SignIn()
			pulled(t, c)
			booked(t, other.Send(late))

			for n := range 60 {
				one := note(ph)
				one.Device, one.Seq = uuid.NewString(), 1
				if a := ph.Send(one); a.Status == 429 {
					refusedAs(t, a, 429, wire.TooMany)
					return
				} else if n == 59 {
					t.Errorf("a person has any number of devices: %d %s", a.Status, a.Body)
				}
			}
		})
	}
}
