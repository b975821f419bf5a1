package session

import (
	"fmt"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

func flowOf(k tandem.SessionKind) tandem.Flow {
	if k == tandem.SessionUser {
		return tandem.FlowUser
	}
	return tandem.FlowService
}

func eventOf(s *tandem.Session, kind tandem.AuditKind, at time.Time) tandem.AuditEvent {
	e := tandem.AuditEvent{
		At: at, Kind: kind,
		ApplicationURI: s.ApplicationURI, Actor: s.User, Flow: flowOf(s.Kind), SessionID: s.ID,
	}
	if s.Kind == tandem.SessionUser {
		e.SignInID = s.Key
	}
	return e
}

func openedEvent(p *tandem.Principal, o *Opened) tandem.AuditEvent {
	e := eventOf(&o.Session, tandem.AuditSessionOpened, o.OpenedAt)
	e.TokenID, e.RemoteAddr = p.TokenID, o.RemoteAddr
	e.Detail = fmt.Sprintf("slot %d of %d", o.Slot, o.Licence.Slots)
	if o.Reserved {
		e.Detail += ", reserved for the account"
	}
	if o.ServiceInstance != "" {
		e.Detail += ", instance " + o.ServiceInstance
	}
	switch o.Previous {
	case "":
	case tandem.EndSignOut:
		e.Detail += "; reopened with a token that outlived the sign-out of " + o.PreviousAt.UTC().Format(time.RFC3339)
	default:
		e.Detail += fmt.Sprintf("; the session before ended %s: %s", o.PreviousAt.UTC().Format(time.RFC3339), o.Previous)
	}
	return e
}

func closedEvents(ended []tandem.Session, at time.Time) []tandem.AuditEvent {
	var events []tandem.AuditEvent
	for i := range ended {
		s := &ended[i]
		e := eventOf(s, tandem.AuditSessionClosed, at)
		e.Detail = fmt.Sprintf("%s; slot %d, opened %s, calls %d", s.EndReason, s.Slot, s.OpenedAt.UTC().Format(time.RFC3339), s.Requests)
		events = append(events, e)
	}
	return events
}

func multiplexedEvent(s *tandem.Session, home, other string, at time.Time) tandem.AuditEvent {
	e := eventOf(s, tandem.AuditMultiplexing, at)
	e.RemoteAddr = other
	e.Detail = "one service session is used from " + home + " and from " + other
	return e
}

func refusedEvent(p *tandem.Principal, remoteAddr string, l tandem.Licence) tandem.AuditEvent {
	e := tandem.AuditEvent{
		Kind: tandem.AuditSessionRefused, ApplicationURI: p.ApplicationURI, Actor: p.Actor(),
		Flow: tandem.FlowService, TokenID: p.TokenID, RemoteAddr: remoteAddr,
		Detail: fmt.Sprintf("no free slot of %d", l.Slots),
	}
	if p.User != nil {
		e.Flow, e.SignInID = tandem.FlowUser, p.User.SignInID
	}
	return e
}

func licenceFull(l tandem.Licence) error {
	message := fmt.Sprintf("MaximumLicenseCountExceeded: all %d licence slots are in use", l.Slots)
	if n := l.Slots - SharedSeats(l).Last; n > 0 {
		message = fmt.Sprintf("MaximumLicenseCountExceeded: all licence slots open to this account are in use (%d in total, %d reserved)", l.Slots, n)
	}
	return &tandem.Error{Code: tandem.CodeLicenceFull, Message: message +
		"; somebody has to sign out, a session ends 20 minutes after its last call, and an administrator can close one (tandem session close) or raise --licences"}
}

var errUnavailable error = &tandem.Error{Code: tandem.CodeUnavailable, Message: "the database does not answer, so no session can be opened or kept; try again"}

const (
	// refusalWindow is for how long refusals of one key are told once.
	refusalWindow = time.Minute
	// maxRefusals bounds the keys told apart in a window.
	maxRefusals = 256
)

// refusals tells the first refusal of a key in a window at once and the rest
// as a number, so that a flood of refused calls cannot fill the disk.
type refusals struct {
	mu    sync.Mutex
	since time.Time
	byKey map[key]*refusal
	other refusal // of keys beyond maxRefusals
}

type refusal struct {
	event tandem.AuditEvent
	more  int64
}

// refuse reports whether the event is to be recorded now.
func (r *refusals) refuse(now time.Time, k key, e tandem.AuditEvent) (tandem.AuditEvent, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.since, r.byKey = now, make(map[key]*refusal)
	}
	e.At = now
	if old := r.byKey[k]; old != nil {
		old.more++
		return e, false
	}
	if len(r.byKey) >= maxRefusals {
		r.other.more++
		return e, false
	}
	r.byKey[k] = &refusal{event: e}
	return e, true
}

// settle ends a window that is over, or any with force, and returns what has
// not been told yet.
func (r *refusals) settle(now time.Time, force bool) []tandem.AuditEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil || !force && now.Sub(r.since).Abs() < refusalWindow {
		return nil
	}
	var events []tandem.AuditEvent
	for _, old := range r.byKey {
		if old.more > 0 {
			e := old.event
			e.At = now
			e.Detail += fmt.Sprintf("; refused %d times more since %s", old.more, r.since.UTC().Format(time.RFC3339))
			events = append(events, e)
		}
	}
	if r.other.more > 0 {
		events = append(events, tandem.AuditEvent{
			At: now, Kind: tandem.AuditSessionRefused,
			Detail: fmt.Sprintf("no free slot; %d refusals of further callers since %s", r.other.more, r.since.UTC().Format(time.RFC3339)),
		})
	}
	r.byKey, r.other = nil, refusal{}
	return events
}
