package prove

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// How many slots are left free, how many openers come at once over the wire and as
// another replica, and how many sessions are opened at most to fill a licence.
const (
	slotsLeft       = 1
	wireOpeners     = 2
	replicaOpeners  = 9
	maxFilled       = 1000
	openerPrefix    = "prove-"
	licenceExceeded = "MaximumLicenseCountExceeded"
)

// i12: never more sessions than slots.
func (r *run) i12(ctx context.Context) {
	r.core(ctx, "I12", "more openers than free slots come at once", func(ctx context.Context) (o outcome, err error) {
		in, err := r.disturbing()
		if err != nil {
			return outcome{}, err
		}
		if r.config.OData == "" {
			return outcome{}, errors.New("the address of the domain API is not known: give --odata")
		}
		var held []*tokens
		for n := range wireOpeners {
			t, err := r.serviceOf(ctx, url.Values{"service_instance": {fmt.Sprintf("%swire-%d", openerPrefix, n)}})
			if err != nil {
				return outcome{}, err
			}
			held = append(held, t)
		}
		defer func() { err = errors.Join(err, r.closeOpeners(ctx, in)) }()
		free, err := r.fill(ctx, in)
		if err != nil {
			return outcome{}, err
		}
		if free == 0 { // the control is that one of them gets it
			return outcome{}, errors.New("the licence is full: nobody could open a session")
		}
		return r.race(ctx, in, held, free)
	})
}

// fill opens sessions until the licence is full, and gives some slots back.
func (r *run) fill(ctx context.Context, in Inside) (free int, err error) {
	var opened []string
	for n := range maxFilled {
		id, full, err := in.Open(ctx, r.back().id, fmt.Sprintf("%sfill-%d", openerPrefix, n))
		if err != nil {
			return 0, err
		}
		if !full {
			opened = append(opened, id)
			continue
		}
		free := min(slotsLeft, len(opened))
		for _, id := range opened[len(opened)-free:] {
			if err := in.CloseSession(ctx, id); err != nil {
				return 0, err
			}
		}
		return free, nil
	}
	return 0, fmt.Errorf("the licence has more than %d free slots, which are too many to fill", maxFilled)
}

// opening is what became of one opener.
type opening struct {
	won    bool
	answer *answer // nil for another replica's
	err    error
}

// race opens more sessions than there are slots, all at once.
func (r *run) race(ctx context.Context, in Inside, held []*tokens, free int) (outcome, error) {
	all := make([]opening, len(held)+replicaOpeners)
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() {
			if i < len(held) {
				all[i] = r.openOverWire(ctx, held[i])
				return
			}
			_, full, err := in.Open(ctx, r.back().id, fmt.Sprintf("%sreplica-%d", openerPrefix, i))
			all[i] = opening{won: !full && err == nil, err: err}
		})
	}
	running.Wait()
	open, slots, err := in.OpenSessions(ctx)
	if err != nil {
		return outcome{}, err
	}
	won := 0
	for _, o := range all {
		if o.err != nil {
			return outcome{}, o.err
		}
		if o.won {
			won++
		}
	}
	shown := r.holds(all[0].answer)
	for _, o := range all[:len(held)] {
		if !o.won {
			shown = r.holds(o.answer)
		}
	}
	told := fmt.Sprintf("%d openers at once, %d of %d slots free: %d got one", len(all), free, slots, won)
	shown.answered = r.secrets.Show(told + "; the last answer: " + shown.answered.String())
	if won > free || len(open) > slots || won < free && len(open) < slots {
		shown.verdict, shown.why = Fails, fmt.Sprintf("%s, and %d sessions are open", told, len(open))
	}
	return shown, nil
}

func (r *run) openOverWire(ctx context.Context, t *tokens) opening {
	a, err := r.wire.do(ctx, &call{
		method: http.MethodGet, url: r.config.OData, header: bearer(t.AccessToken), as: "service token of an instance of its own", atOnce: true,
	})
	switch {
	case err != nil:
		return opening{err: err}
	case a.ok():
		return opening{won: true, answer: a}
	case a.status == http.StatusForbidden && strings.Contains(string(a.body), licenceExceeded):
		return opening{answer: a}
	}
	return opening{err: r.uncontrolled("opening a session", a)}
}

// closeOpeners closes the sessions that the race has opened.
func (r *run) closeOpeners(ctx context.Context, in Inside) error {
	ctx = context.WithoutCancel(ctx)
	open, _, err := in.OpenSessions(ctx)
	for i := range open {
		if s := &open[i]; s.ApplicationURI == r.back().id && strings.HasPrefix(s.ServiceInstance, openerPrefix) {
			err = errors.Join(err, in.CloseSession(ctx, s.ID))
		}
	}
	return err
}
