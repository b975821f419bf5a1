package platform

import (
	"context"
	"iter"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/usage"
)

// HalfUse is what a half of an application was granted and what of it was used, since a
// day.
type HalfUse struct {
	ApplicationURI string
	Flow           tandem.Flow
	// Granted is what it may be granted of the scopes of the API, Used what its calls
	// needed.
	Granted, Used tandem.Scope
	// Calls are the calls to the API, Writes those of them that needed update. Tokens is
	// how many were issued.
	Calls, Writes, Tokens int64
	// First and Last are the first and the last day on which anything was used, whenever
	// that was; zero for never.
	First, Last usage.Day
	// Things are all that was used; of one application only.
	Things []usage.Used
	// Sums are the calls of the things since the day, by what; of one application only.
	Sums map[string]int64
}

// Unused are the scopes that it may be granted and did not need.
func (h *HalfUse) Unused() (unused tandem.Scope) {
	for _, word := range h.Granted {
		if !h.Used.Has(word) {
			unused = append(unused, word)
		}
	}
	return unused
}

// halves are the halves that an application has.
func halves(app *tandem.TrustedApp) (flows []tandem.Flow) {
	if app.InternalUsers || app.ExternalUsers {
		flows = append(flows, tandem.FlowUser)
	}
	if app.SystemUserAllowed {
		flows = append(flows, tandem.FlowService)
	}
	return flows
}

func newHalfUse(app *tandem.TrustedApp, flow tandem.Flow) *HalfUse {
	half := &HalfUse{ApplicationURI: app.ApplicationURI, Flow: flow}
	for _, word := range app.FlowScope(flow) {
		if tandem.IsERPScope(word) { // others are used where we do not see it
			half.Granted = append(half.Granted, word)
		}
	}
	return half
}

// add adds the sum of a thing.
func (h *HalfUse) add(u *usage.Use) {
	scope, isScope := strings.CutPrefix(u.What, string(usage.Scope))
	switch {
	case isScope:
		h.Used = append(h.Used, scope)
		h.Calls += u.Calls
		if scope == tandem.ScopeUpdate {
			h.Writes += u.Calls
		}
	case strings.HasPrefix(u.What, string(usage.Grant)):
		h.Tokens += u.Calls
	}
	if h.Sums != nil {
		h.Sums[u.What] += u.Calls
	}
}

// seen adds the days of a thing.
func (h *HalfUse) seen(u *usage.Used) {
	if h.First == 0 || u.First < h.First {
		h.First = u.First
	}
	h.Last = max(h.Last, u.Last)
}

type halfKey struct {
	application string
	flow        tandem.Flow
}

// EachHalf yields the halves of the applications that the filter chooses, by
// ApplicationURI, the front end first, with what they have used since a day.
func (a *Administration) EachHalf(ctx context.Context, f registry.Filter, since usage.Day) iter.Seq2[*HalfUse, error] {
	return func(yield func(*HalfUse, error) bool) {
		used := map[halfKey]*HalfUse{}
		of := func(application string, flow tandem.Flow) *HalfUse {
			key := halfKey{application, flow}
			if used[key] == nil {
				used[key] = &HalfUse{}
			}
			return used[key]
		}
		err := a.usage.EachSum(ctx, since, func(u *usage.Use) error { of(u.ApplicationID, u.Flow).add(u); return nil })
		if err == nil {
			err = a.usage.EachUsed(ctx, "", func(u *usage.Used) error { of(u.ApplicationID, u.Flow).seen(u); return nil })
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for app, err := range a.Apps.List(ctx, f) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, flow := range halves(&app.TrustedApp) {
				half := *of(app.ID, flow)
				named := newHalfUse(&app.TrustedApp, flow)
				half.ApplicationURI, half.Flow, half.Granted = named.ApplicationURI, named.Flow, named.Granted
				if !yield(&half, nil) {
					return
				}
			}
		}
	}
}

// Halves are the halves of one application with all that they have used.
func (a *Administration) Halves(ctx context.Context, app *tandem.TrustedApp, since usage.Day) (all []*HalfUse, err error) {
	sums, err := a.usage.Sums(ctx, app.ID, since)
	if err != nil {
		return nil, err
	}
	for _, flow := range halves(app) {
		half := newHalfUse(app, flow)
		half.Sums = map[string]int64{}
		for i := range sums {
			if u := &sums[i]; u.Flow == flow {
				half.add(u)
			}
		}
		err := a.usage.EachUsed(ctx, app.ID, func(u *usage.Used) error {
			if u.Flow == flow {
				half.seen(u)
				half.Things = append(half.Things, *u)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, half)
	}
	return all, nil
}

// UsesSince is the first day on which uses were counted; zero when that has not begun.
func (a *Administration) UsesSince(ctx context.Context) (usage.Day, error) { return a.usage.Since(ctx) }

// EachTally yields tallies: see [usage.Store].
func (a *Administration) EachTally(ctx context.Context, f usage.Filter, each func(*usage.Tally) error) error {
	return a.usage.EachTally(ctx, f, each)
}

// AddTallies adds to the tallies that are kept, as an instance does.
func (a *Administration) AddTallies(ctx context.Context, tallies []usage.Tally) error {
	_, err := a.usage.AddTallies(ctx, tallies)
	return err
}

// AddDays adds to the uses that are kept, as an instance does.
func (a *Administration) AddDays(ctx context.Context, uses []usage.Use) error {
	_, err := a.usage.AddUses(ctx, uses)
	return err
}

// Today is the day that it is.
func (a *Administration) Today() usage.Day { return usage.DayOf(a.config.Clock.Now()) }
