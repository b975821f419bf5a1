package data_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// opens opens a session of anna's with the key.
func opens(ctx context.Context, s *data.Sessions, key string) error {
	o, err := s.Open(ctx, session.Opening{Idle: time.Minute, Session: tandem.Session{ID: uuid.NewString(), Key: key, User: "anna", OpenedAt: noon, LastRequestAt: noon}})
	if err == nil && o.ID == "" {
		err = fmt.Errorf("no slot is free")
	}
	return err
}

// A replica that stops in the middle of opening, touching or ending sessions,
// wherever that is, keeps no other from doing the same.
func TestReplicaThatStopsHoldsNobody(t *testing.T) {
	t.Parallel()
	stopsAnywhere(t, 0, func(ctx context.Context, s *data.Sessions, step int) error {
		err := opens(ctx, s, fmt.Sprint("stopping ", step))
		if err == nil {
			_, err = s.End(ctx, session.Ending{Key: fmt.Sprint("before ", step), Reason: tandem.EndSignOut, Now: noon})
		}
		if err == nil {
			_, err = s.Touch(ctx, []session.Touch{{ID: "a", At: noon}, {ID: "b", At: noon}})
		}
		return err
	})
}

// Nor does one that makes the licence another, by which every session gets another slot;
// and it says no more for many of them than for few.
func TestReplicaThatStopsInALicenceHoldsNobody(t *testing.T) {
	t.Parallel()
	stopsAnywhere(t, 60, func(ctx context.Context, s *data.Sessions, _ int) error {
		_, err := s.SetLicence(ctx, tandem.Licence{Slots: 130, Reserved: map[string]int{"anna": 65}}, noon)
		return err
	})
}

// stopsAnywhere does something on a replica that stops after each of its messages, with so
// many sessions open, and looks that another one opens and ends its own.
func stopsAnywhere(t *testing.T, open int, do func(ctx context.Context, s *data.Sessions, step int) error) {
	direct := datatest.Open(t, sqldb.PostgreSQL)
	other := data.NewSessions(direct)
	_, err := other.SetLicence(t.Context(), tandem.Licence{Slots: 65}, noon)
	must(t, err)
	for i := range open {
		must(t, opens(t.Context(), other, fmt.Sprint("open ", i)))
	}
	for step, done := 0, false; !done; step++ {
		w := testkit.NewWire(t, direct.URL())
		stopping, err := sqldb.Open(t.Context(), w.URL, sqldb.Options{MaxConns: 2})
		must(t, err)
		s, ctx := data.NewSessions(stopping), t.Context()
		key := fmt.Sprint("before ", step)
		must(t, opens(ctx, s, key)) // the statements are prepared
		ctx, cancel := context.WithCancel(ctx)
		w.StopAfter(step)
		all := make(chan error, 1)
		go func() { all <- do(ctx, s, step) }()
		select {
		case <-w.Stopped:
		case err := <-all:
			must(t, err)
			done = true
		}
		within, enough := context.WithTimeout(t.Context(), 30*time.Second)
		for _, k := range []string{key, fmt.Sprint("stopping ", step)} {
			err := opens(within, other, k)
			if err == nil {
				_, err = other.End(within, session.Ending{Key: k, Reason: tandem.EndSignOut, Now: noon})
			}
			if err != nil {
				t.Errorf("beside a replica that stopped after %d messages: %v", step, err)
			}
		}
		enough()
		cancel()
		w.Cut()
		stopping.Close()
		if step > 60 {
			t.Fatal("it never comes to its end")
		}
	}
}
