package cloud_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// Who works on what waits, in which order, and who does not wait for whom.

// held holds calls back until it is let go.
type held struct {
	at  chan struct{} // gets one for each call that is held
	end chan struct{}
}

// hold holds calls whose path has a text, or the whole test.
func hold(t *testing.T, l *line, path string) *held {
	t.Helper()
	h := &held{at: make(chan struct{}, 1000), end: make(chan struct{})}
	t.Cleanup(h.letGo)
	l.sees(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, path) {
			h.at <- struct{}{}
			select {
			case <-h.end:
			case <-r.Context().Done():
			}
		}
		return false
	})
	return h
}

func (h *held) letGo() {
	select {
	case <-h.end:
	default:
		close(h.end)
	}
}

// open is how many commands wait, of those that a condition selects.
func open(t *testing.T, db *sqldb.DB, where string, args ...any) (n int) {
	t.Helper()
	if err := db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM commands WHERE state = 'accepted' AND `+where, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A replica that starts leaves alone what another one has in hand, and takes it when that
// one's time is over.
func TestReplicaThatStartsTakesNothingFromAnother(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{Engine: engine})
			id := p.Visits("tom", p.Today(9), 1)[0]
			db := p.Store(engine)
			pulled(t, p.CloudOn(db, t.TempDir()))
			ph := p.Phone("tom")
			booked(t, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "zero"})))
			h := hold(t, l, "$batch")
			k := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "one"})
			answer := make(chan *fieldtest.Answer, 1)
			go func() {
				a, err := ph.Try("POST", "commands", k, "Idempotency-Key", k.ID)
				if err != nil {
					t.Error(err)
				}
				answer <- a
			}()
			<-h.at
			p.CloudOn(db, t.TempDir(), func(c *cloud.Config) { c.ServiceInstance = "b" })
			select {
			case <-h.at:
				t.Error("the second replica books what the first one has in hand")
			case <-time.After(3 * time.Second):
			}
			h.letGo()
			if a := <-answer; a != nil {
				booked(t, a)
			}
			// What the first one has left behind is taken when its time is over.
			k = ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "two"})
			l.state.Store(lineDown)
			accepted(t, ph.Send(k))
			if _, err := db.Writer().ExecContext(t.Context(), `UPDATE commands SET held_by = 'cloud gone', due_at = $1 WHERE id = $2`,
				sqldb.Micros(p.Clock.Now().Add(20*time.Second)), k.ID); err != nil {
				t.Fatal(err)
			}
			l.state.Store(lineGood)
			booked(t, finally(t, p, ph, k.ID))
		})
	}
}

// Photos that take long hold no command up.
func TestCommandsDoNotWaitForPhotos(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	ids := p.Visits("tom", p.Today(9), 11)
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	var files []*sending
	for i := range 10 { // the bytes come later: so they are for the background
		s := newSending(t, ph, ids[i], "a.jpg", photo(t, 60, 40))
		accepted(t, s.attach(s.body()))
		files = append(files, s)
	}
	h := hold(t, l, "EmbeddedFileContents")
	for _, s := range files {
		s.send()
	}
	p.Clock.Advance(30 * time.Second)
	<-h.at
	l.state.Store(lineDown)
	k := ph.Command(ids[10], wire.Note, 0, wire.NoteBody{Text: "x"})
	accepted(t, ph.Send(k))
	l.state.Store(lineGood)
	for end := time.Now().Add(testkit.Patience); ; time.Sleep(50 * time.Millisecond) {
		p.Clock.Advance(time.Second)
		if a := ph.Do("GET", "commands/"+k.ID, nil); a.Status != 202 {
			booked(t, a)
			break
		}
		if time.Now().After(end) {
			t.Fatal("the command waits for the photos")
		}
	}
	h.letGo()
}

// A file that the ERP refuses for good is refused, with the text of the ERP: trying again
// would change nothing.
func TestFileThatTheERPRefuses(t *testing.T) {
	t.Parallel()
	for status, path := range map[int]string{404: "/GetOrCreateExtensibleDataObject", 413: "/EmbeddedFileContents", 422: "/EmbeddedFileContents"} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{})
			id := p.Visits("tom", p.Today(9), 1)[0]
			pulled(t, p.Cloud())
			l.sees(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, path) {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"error":{"code":0,"message":"No such file, by a rule.","type":"Rule"}}`))
				return true
			})
			s := newSending(t, p.Phone("tom"), id, "a.jpg", photo(t, 60, 40))
			s.send()
			a := s.final(p, s.body())
			if refusedAs(t, a, 422, wire.Refused); a.Message != "No such file, by a rule." {
				t.Errorf("%s", a.Body)
			}
		})
	}
}

// What a file waits for is told as it is: an ERP that takes its calls and does not answer is the
// ERP's fault, and slows everybody down; a picture that is not read in its time is its own, and
// somebody is to look at it.
func TestWhatAFileWaitsFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ comment, holds, note, warned string }{
		"an ERP that is silent":  {"", "EmbeddedFileContents", "the ERP does not answer", ""},
		"a picture that is slow": {slowPicture, "no such path", "the file is being processed", "again and again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{})
			id := p.Visits("tom", p.Today(9), 1)[0]
			db := p.Store(sqldb.SQLite)
			var log testkit.Buffer
			pulled(t, p.CloudOn(db, t.TempDir(), func(c *cloud.Config) {
				c.FileIn(4 * time.Second)
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
			}))
			hold(t, l, test.holds)
			s := newSending(t, p.Phone("tom"), id, "a.jpg", saying(photo(t, 60, 40), test.comment))
			s.send()
			accepted(t, s.attach(s.body()))
			testkit.Eventually(t, "it is told why it waits", func() bool {
				p.Clock.Advance(10 * time.Second)
				var note string
				var tries int
				if err := db.Reader().QueryRowContext(t.Context(), `SELECT note, tries FROM commands WHERE id = $1`, s.command).Scan(&note, &tries); err != nil {
					t.Fatal(err)
				}
				return note == test.note && tries > 0 && strings.Contains(log.String(), test.warned)
			})
		})
	}
}

// The end of the service breaks off what is under way: that is no failure of the ERP, and
// nobody is told so.
func TestOwnEndIsNoFailureOfTheERP(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	db := p.Store(sqldb.SQLite)
	c := pulled(t, p.CloudOn(db, t.TempDir()))
	ph := p.Phone("tom")
	l.state.Store(lineDown)
	k := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})
	accepted(t, ph.Send(k))
	h := hold(t, l, "$batch")
	l.state.Store(lineGood)
	p.Clock.Advance(time.Minute)
	<-h.at
	kept := func() (tries int, note string) {
		t.Helper()
		if err := db.Reader().QueryRowContext(t.Context(), `SELECT tries, note FROM commands WHERE id = $1`, k.ID).Scan(&tries, &note); err != nil {
			t.Fatal(err)
		}
		return tries, note
	}
	before, _ := kept()
	c.Stop()
	if tries, note := kept(); tries != before || note != "" {
		t.Errorf("%d tries, %d before the end; %q", tries, before, note)
	}
}

// Neither lanes whose first command waits nor one person's many lanes keep others from
// their turn.
func TestEverybodyHasTheirTurn(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{Engine: engine})
			hers := p.Visits("nina", p.Today(9), 1)[0]
			db := p.Store(engine)
			pulled(t, p.CloudOn(db, t.TempDir()))
			tom, nina := p.Phone("tom"), p.Phone("nina")
			l.state.Store(lineDown)
			model := tom.Command(hers, wire.Note, 0, wire.NoteBody{Text: "x"})
			accepted(t, tom.Send(model))
			now := p.Clock.Now()
			fill := func(device string, seq int, visit string, due time.Time) {
				t.Helper()
				if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO commands SELECT user_id, $1, $2, $3, $4, type, login, base, done_at, sha256, body, evidence, state, answer, note, 1,
					$5, $6, final_at, '', 0, 0, language FROM commands WHERE id = $7`,
					uuid.Must(uuid.NewV7()).String(), device, seq, visit, sqldb.Micros(due), sqldb.Micros(now.Add(time.Duration(seq))), model.ID); err != nil {
					t.Fatal(err)
				}
			}
			stuck, many := uuid.NewString(), uuid.NewString()
			for i := range 250 { // the first of each waits for hours, and one is behind it
				visit := uuid.NewString()
				fill(stuck, 2*i+1, visit, now.Add(5*time.Hour))
				fill(stuck, 2*i+2, visit, now.Add(-time.Hour))
			}
			for i := range 250 {
				fill(many, i+1, uuid.NewString(), now.Add(-time.Minute))
			}
			k := nina.Command(hers, wire.Note, 0, wire.NoteBody{Text: "hers"})
			send(t, nina, k)
			l.sees(func(http.ResponseWriter, *http.Request) bool { time.Sleep(50 * time.Millisecond); return false })
			l.state.Store(lineGood)
			p.Clock.Advance(3 * time.Minute)
			booked(t, finally(t, p, nina, k.ID))
			if n := open(t, db, "device = $1", many); n < 150 {
				t.Errorf("%d of 250 lanes of somebody else were first", 250-n)
			}
			if n := open(t, db, "device = $1", stuck); n != 500 {
				t.Errorf("%d commands were booked before the one that they wait for", 500-n)
			}
		})
	}
}

// What a command was kept with does not say by which sign-in: it is refused, and not asked
// about in the service's own name.
func TestEvidenceThatIsNotWhole(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	db := p.Store(sqldb.SQLite)
	pulled(t, p.CloudOn(db, t.TempDir()))
	ph := p.Phone("tom")
	booked(t, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "zero"})))
	l.state.Store(lineDown)
	k := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})
	accepted(t, ph.Send(k))
	if _, err := db.Writer().ExecContext(t.Context(), `UPDATE commands SET evidence = REPLACE(evidence, '"sid":', '"was":') WHERE id = $1`, k.ID); err != nil {
		t.Fatal(err)
	}
	l.state.Store(lineGood)
	p.Clock.Advance(time.Minute)
	refusedAs(t, finally(t, p, ph, k.ID), 403, wire.Refused)
	var person string
	if err := db.Reader().QueryRowContext(t.Context(), `SELECT person FROM people`).Scan(&person); err != nil || person == "" {
		t.Errorf("tom's Person is %q now: %v", person, err)
	}
	if v := p.Visit(id); v["Notes"] != "zero" {
		t.Errorf("%v", v["Notes"])
	}
}
