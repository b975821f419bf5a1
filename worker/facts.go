package worker

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

const (
	// keptCalls is how many of the latest calls are shown.
	keptCalls = 50
	// keptLogins bounds the memory of who is who.
	keptLogins = 1000
	// licenceEvery is how often the licence is asked for at most.
	licenceEvery = 10 * time.Second
	licenceCall  = "GetLicenceUsage"
)

// facts are what the worker has seen of its own calls. They are for showing
// only; nothing is decided by them.
type facts struct {
	now func() time.Time

	lock    sync.Mutex
	calls   []internalapi.Call // the latest last
	session internalapi.ServiceSession
	// workedAt is the latest call that was not made for this page.
	workedAt  time.Time
	logins    map[string]string // by user id
	licence   *internalapi.Licence
	licenceAt time.Time
	cleanedAt time.Time
}

// observe is told about every call of the API.
func (w *Worker) observe(c client.Call) {
	if c.Status/100 == 2 {
		w.paused.Store(nil)
	}
	f := &w.facts
	f.lock.Lock()
	defer f.lock.Unlock()
	if len(f.calls) == keptCalls {
		f.calls = slices.Delete(f.calls, 0, 1)
	}
	behalf := c.OnBehalfOf
	if login := f.logins[behalf]; login != "" {
		behalf = login
	}
	f.calls = append(f.calls, internalapi.Call{
		At: c.At, Method: c.Method, Path: c.Path, Status: c.Status, Millis: c.Duration.Milliseconds(),
		Identity: c.Identity, OnBehalfOf: behalf,
	})
	if !strings.HasSuffix(c.Path, licenceCall) {
		f.workedAt = c.At
	}
	if c.SessionID == "" {
		return
	}
	if f.session.ID != c.SessionID {
		f.session = internalapi.ServiceSession{ID: c.SessionID, OpenedAt: c.At}
		f.licence, f.licenceAt = nil, time.Time{}
	}
	f.session.Slot, f.session.LastRequestAt = c.Slot, c.At
	f.session.Requests++
}

// know remembers the login of a person, for the list of calls.
func (f *facts) know(t client.IDToken) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.logins == nil || len(f.logins) >= keptLogins {
		f.logins = map[string]string{}
	}
	f.logins[t.UserID] = t.Login
}

func (f *facts) cleanedWithin(now time.Time, d time.Duration) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	if now.Sub(f.cleanedAt) < d {
		return true
	}
	f.cleanedAt = now
	return false
}

// view is the session and the calls, as they are shown.
func (f *facts) view() (session *internalapi.ServiceSession, calls []internalapi.Call, askLicence bool, licence *internalapi.Licence) {
	f.lock.Lock()
	defer f.lock.Unlock()
	calls = slices.Clone(f.calls)
	slices.Reverse(calls)
	if f.session.ID == "" {
		return nil, calls, false, nil
	}
	s := f.session
	now := f.now()
	s.Open = now.Before(s.LastRequestAt.Add(tandem.SessionIdle)) && now.Before(s.OpenedAt.Add(tandem.ServiceSessionAbsolute))
	if !s.Open {
		return &s, calls, false, nil
	}
	// Asking keeps the session open, so it is asked only while other work does.
	ask := now.Before(f.workedAt.Add(tandem.SessionIdle)) && now.Sub(f.licenceAt) >= licenceEvery
	if ask {
		f.licenceAt = now // one asks, the others show what is known
	}
	return &s, calls, ask, f.licence
}

// status answers what the worker knows about itself. details are for internal
// users; others get counts.
func (w *Worker) status(ctx context.Context, details bool) (internalapi.Status, error) {
	out := internalapi.Status{Application: w.config.ApplicationURI}
	held, user, expires := w.tokens.Status()
	if held {
		out.Tokens, out.TokenExpiresAt = 1, pointer(expires)
	}
	if reason := w.paused.Load(); reason != nil {
		out.Paused = *reason
	}
	var err error
	if out.JobsQueued, out.JobsRunning, err = w.counts(ctx); err != nil {
		return out, err
	}
	session, calls, ask, licence := w.facts.view()
	if ask {
		if fresh, err := w.askLicence(ctx); err == nil {
			licence = fresh
		}
	}
	out.Licence = licence
	if details {
		out.SystemUser, out.Session, out.Calls = user, session, calls
	}
	return out, nil
}

func (w *Worker) askLicence(ctx context.Context) (*internalapi.Licence, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var usage struct{ Slots, InUse int }
	if err := w.erp.Do(ctx, "GET", licenceCall, nil, &usage); err != nil {
		return nil, err
	}
	out := &internalapi.Licence{Slots: usage.Slots, Used: usage.InUse}
	w.facts.lock.Lock()
	defer w.facts.lock.Unlock()
	w.facts.licence = out
	return out, nil
}
