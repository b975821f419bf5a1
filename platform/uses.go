package platform

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/usage"
)

// keepUses writes back what was used, until ctx ends, and then what is left.
func (i *Instance) keepUses(ctx context.Context) {
	i.keepDoing(ctx, usage.Every, "what was used", i.WriteUses, i.WriteUses)
}

// WriteUses does at once what Run does every ten seconds: it writes down which rights
// were used, what applications have used, and how many events there were.
func (i *Instance) WriteUses(ctx context.Context) error {
	i.writingUses.Lock()
	defer i.writingUses.Unlock()
	now := i.config.Clock.Now()
	taken := i.access.Uses.Take(now)
	if taken.Over > 0 {
		i.config.Log.Warn("more accounts are at work than are counted: their uses of rights are missing", "calls", taken.Over, "accounts", permission.MaxMeters)
	}
	unwritten, rightsErr := i.permissions.AddUses(ctx, taken.Uses)
	i.access.Uses.PutBack(unwritten) // and what else was used is written all the same
	i.countCalls(taken.Calls, taken.Uses[:len(taken.Uses)-len(unwritten)])
	uses, over := i.uses.Take(now)
	left, err := i.usage.AddUses(ctx, uses)
	i.uses.PutBack(left)
	tallies, more := i.audit.tallies.Take(now, i.applicationID)
	untold, tallyErr := i.usage.AddTallies(ctx, tallies)
	i.audit.tallies.PutBack(untold)
	if over+more > 0 {
		i.config.Log.Warn("more is used than is counted: uses and tallies are missing", "uses", over, "events", more, "counters", usage.MaxCounted)
	}
	return errors.Join(rightsErr, err, tallyErr, i.writePeak(ctx, now))
}

// peakEvery is how often the peak of the slots is worked out.
const peakEvery = time.Minute

// writePeak writes how many slots were in use at most, of the moment that has begun and of
// those since the last time. That is worked out of the sessions themselves: every replica
// comes to the same, and none need have seen it.
func (i *Instance) writePeak(ctx context.Context, now time.Time) error {
	if !i.peaked.IsZero() && now.Sub(i.peaked).Abs() < peakEvery {
		return nil
	}
	from := now.Add(-usage.Moment)
	if i.peaked.After(from.Add(-time.Hour)) && i.peaked.Before(from) {
		from = i.peaked
	}
	var peaks []usage.Tally
	for at := from.Truncate(usage.Moment); at.Before(now); at = at.Add(usage.Moment) {
		until := at.Add(usage.Moment)
		if until.After(now) {
			until = now
		}
		held, err := i.sessions.Held(ctx, at, until)
		if err != nil {
			return err
		}
		for flow, n := range session.Peaks(held, at, until) {
			one := usage.Tally{Kind: usage.PeakSlots, Flow: flow, N: int64(n)}
			for _, one.Span = range []time.Duration{usage.Moment, usage.WholeDay} {
				one.At = at.Truncate(one.Span)
				peaks = append(peaks, one)
			}
		}
	}
	if _, err := i.usage.AddTallies(ctx, peaks); err != nil {
		return err
	}
	i.peaked = now
	return nil
}

// countCalls counts what API calls needed and used for the applications that made them: each
// use when it is written down.
func (i *Instance) countCalls(calls []permission.Calls, uses []permission.Use) {
	for n := range calls {
		c := &calls[n]
		i.uses.Add(i.applicationID(c.ApplicationURI), c.Flow, usage.Scope, c.Scope, c.N)
	}
	for n := range uses {
		if u := &uses[n]; u.Attribute == "" && u.Key == "" && u.Flow != "" {
			i.uses.Add(i.applicationID(u.ApplicationURI), u.Flow, usage.Set, usage.SetName(u.Set, u.Right&^permission.Read != 0), u.Calls)
		}
	}
}

// countSession counts the name of the back end that a session was opened for.
func (i *Instance) countSession(s *tandem.Session) {
	if s.Kind == tandem.SessionService {
		i.uses.Count(i.applicationID(s.ApplicationURI), tandem.FlowService, usage.Instance, s.ServiceInstance)
	}
}

// applicationID is the id of an application; empty for one that is no more.
func (i *Instance) applicationID(uri string) string {
	if app, ok := i.Registry.App(uri); ok {
		return app.ID
	}
	return ""
}

func (i *Instance) purgeUses(ctx context.Context) error {
	now := i.config.Clock.Now()
	return errors.Join(
		i.permissions.PurgeUses(ctx, now.Add(-permission.UsesKept)),
		i.usage.PurgeUses(ctx, usage.DayOf(now)-usage.Kept),
		i.usage.PurgeTallies(ctx, usage.Moment, now.Add(-usage.MomentsKept)),
		i.usage.PurgeTallies(ctx, usage.WholeDay, now.Add(-usage.DaysKept)),
	)
}

// personType is the kind of an account.
func (i *Instance) personType(ctx context.Context, id string) tandem.UserType {
	u, err := i.Registry.User(ctx, id)
	if err != nil {
		return ""
	}
	return u.Type
}

// EachUse yields the uses of rights since a time that are written down, of one account
// or, when userID is empty, of all: see [permission.Uses].
func (a *Administration) EachUse(ctx context.Context, userID string, since time.Time, each func(*permission.Use) error) error {
	return a.permissions.EachUse(ctx, userID, since, each)
}

// AddUses adds to the uses of rights that are written down.
func (a *Administration) AddUses(ctx context.Context, uses []permission.Use) error {
	_, err := a.permissions.AddUses(ctx, slices.Clone(uses)) // which are put in order
	return err
}
