package data_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// slots is what a test knows of who has which.
type slots struct {
	t       *testing.T
	stores  []*data.Sessions // replicas
	licence tandem.Licence
	open    map[int]session.Stored
	at      time.Time
}

func (s *slots) replica() *data.Sessions { return s.stores[rand.IntN(len(s.stores))] }

// free is the lowest slot for the account; 0 when there is none.
func (s *slots) free(login string) int {
	for _, r := range []session.Range{session.ReservedSlots(s.licence, login), session.SharedSlots(s.licence)} {
		for n := r.First; n <= r.Last; n++ {
			if _, taken := s.open[n]; !taken {
				return n
			}
		}
	}
	return 0
}

func (s *slots) openOne(login string) {
	s.t.Helper()
	o := session.Opening{Idle: time.Hour, Session: tandem.Session{
		ID: uuid.NewString(), Key: uuid.NewString(), Kind: tandem.SessionUser, User: login, OpenedAt: s.at, LastRequestAt: s.at, Requests: 1,
	}}
	want := s.free(login)
	opened, err := s.replica().Open(s.t.Context(), o)
	must(s.t, err)
	if opened.Slot != want {
		s.t.Fatalf("%s got the slot %d, want %d of %+v with %d open", login, opened.Slot, want, s.licence, len(s.open))
	}
	if want > 0 {
		s.open[want] = opened.Stored
	}
}

func (s *slots) endSome(n int) {
	s.t.Helper()
	var ids []string
	for slot, one := range s.open { // in the order of a map, which is any
		if len(ids) < n {
			ids = append(ids, one.ID)
			delete(s.open, slot)
		}
	}
	if len(ids) > 0 {
		_, err := s.replica().End(s.t.Context(), session.Ending{IDs: ids, Reason: "test", Now: s.at})
		must(s.t, err)
	}
}

// relicense gives another licence, and looks where the sessions are then.
func (s *slots) relicense(l tandem.Licence) {
	s.t.Helper()
	s.licence = l
	_, err := s.replica().SetLicence(s.t.Context(), l, s.at)
	must(s.t, err)
	clear(s.open)
	all, err := s.replica().List(s.t.Context(), s.at)
	must(s.t, err)
	for _, one := range all {
		s.open[one.Slot] = one
	}
	if len(s.open) != len(all) {
		s.t.Fatalf("%d sessions have %d slots", len(all), len(s.open))
	}
}

// Whatever was opened, ended, ran out and was moved on whichever replica: the next
// session gets the lowest slot that is free, and is refused when none is.
func TestTheLowestFreeSlotIsFound(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &slots{t: t, open: map[int]session.Stored{}, at: noon}
		for range 3 {
			s.stores = append(s.stores, data.NewSessions(db))
		}
		small, other := tandem.Licence{Slots: 12, Reserved: map[string]int{"boss": 3}}, tandem.Licence{Slots: 9, Reserved: map[string]int{"svc": 2}}
		s.relicense(small)
		for i := range 400 {
			s.at = s.at.Add(time.Second)
			switch n := rand.IntN(100); {
			case n < 60:
				s.openOne([]string{"anna", "boss", "svc"}[rand.IntN(3)])
			case n < 90:
				s.endSome(1 + rand.IntN(4))
			case n < 94: // all run out
				s.at = s.at.Add(2 * time.Hour)
				clear(s.open)
			case n < 98:
				s.relicense([]tandem.Licence{small, other}[rand.IntN(2)])
			default: // there and back, unseen by the other replicas
				back := s.licence
				s.relicense(other)
				s.relicense(small)
				s.relicense(back)
			}
			if t.Failed() {
				t.Fatalf("after %d steps", i)
			}
		}
	})
}

// Openings of one replica whose looks at the database cross know of every slot that
// was given back.
func TestLooksAtTheSlotsThatCross(t *testing.T) {
	t.Parallel()
	known := func() *data.SlotsTaken {
		s := new(data.SlotsTaken)
		s.Told(s.Ask(), 8, 0)
		s.Took(8, 7)
		return s
	}
	t.Run("one began when nothing was known", func(t *testing.T) {
		s := new(data.SlotsTaken)
		s.Told(s.Ask(), 8, 0)
		early := s.Ask()
		s.Took(8, 7)
		s.Told(early, 10, 0) // slot 3 was given back by the ending 9, which was not asked for
		if from := s.From(); from > 3 {
			t.Errorf("the next session looks from slot %d on", from)
		}
	})
	t.Run("the later answer comes first", func(t *testing.T) {
		s := known()
		first, second := s.Ask(), s.Ask()
		s.Told(second, 12, 2)
		s.Told(first, 10, 5)
		if from := s.From(); from > 2 {
			t.Errorf("the next session looks from slot %d on", from)
		}
	})
	t.Run("one after the other", func(t *testing.T) {
		s := known()
		s.Told(s.Ask(), 9, 0)
		if from := s.From(); from != 8 {
			t.Errorf("the next session looks from slot %d on, though all before are taken", from)
		}
	})
}

// A session that is used while its expiry waits for it stays open.
func TestASessionTouchedMeanwhileDoesNotExpire(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.PostgreSQL) // on SQLite nobody waits for a row
	s := data.NewSessions(db)
	_, err := s.SetLicence(t.Context(), tandem.Licence{Slots: 5}, noon)
	must(t, err)
	must(t, opens(t.Context(), s, "anna"))
	due := noon.Add(time.Minute)
	var ended []session.Stored
	meanwhile(t, db, func() (err error) {
		ended, err = s.Expire(t.Context(), due)
		return err
	}, fmt.Sprintf(`UPDATE sessions SET expires_at = %d`, sqldb.Micros(due.Add(time.Minute))))
	if open, err := s.List(t.Context(), due); err != nil || len(open) != 1 || len(ended) != 0 {
		t.Errorf("%d are open and %+v has ended, %v", len(open), ended, err)
	}
}
