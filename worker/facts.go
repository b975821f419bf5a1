package worker

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/fault"
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
	clock tandem.Clock

	lock    sync.Mutex
	calls   []internalapi.Call // the latest last
	session internalapi.ServiceSession
	// workedAt is the latest call that was not made for this page.
	workedAt  time.Time
	logins    map[string]string // by user id
	licence   *internalapi.Licence
	licenceAt time.Time
	// paused is why no work can be done, and pausedWith the expiry of the token
	// that was held then.
	paused     string
	pausedWith time.Time
}

// observe is told about every call of the API.
func (f *facts) observe(c client.Call) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if c.Status/100 == 2 {
		f.paused = ""
	}
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

// pause remembers why no work can be done, until something succeeds.
func (f *facts) pause(reason string, tokens *client.ServiceTokens) {
	_, _, expires := tokens.Status()
	f.lock.Lock()
	defer f.lock.Unlock()
	f.paused, f.pausedWith = reason, expires
}

// whyPaused is why no work can be done; empty when it can. Another token than
// the one held then says that the application is not disabled any more.
func (f *facts) whyPaused(tokens *client.ServiceTokens) string {
	held, _, expires := tokens.Status()
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.paused == fault.PausedDisabled && held && !expires.Equal(f.pausedWith) {
		f.paused = ""
	}
	return f.paused
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
	now := f.clock.Now()
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
