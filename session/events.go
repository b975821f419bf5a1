package session

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
)

func flowOf(s *tandem.Session) tandem.Flow {
	if ofService(s) {
		return tandem.FlowService
	}
	return tandem.FlowUser
}

func eventOf(s *tandem.Session, kind tandem.AuditKind, at time.Time) tandem.AuditEvent {
	e := tandem.AuditEvent{
		At: at, Kind: kind,
		ApplicationURI: s.ApplicationURI, Actor: s.User, Flow: flowOf(s), SessionID: s.ID,
	}
	switch s.Kind {
	case tandem.SessionUser:
		e.SignInID = s.Key
	case tandem.SessionReference:
		e.TokenID = s.Key
	}
	return e
}

// openedEvent is the event of a session that was opened; the token is known of one that has
// just been.
func openedEvent(p *tandem.Principal, o *Opened) tandem.AuditEvent {
	e := eventOf(&o.Session, tandem.AuditSessionOpened, o.OpenedAt)
	e.RemoteAddr = o.RemoteAddr
	if o.Fresh {
		e.TokenID = p.TokenID
	}
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

// openedLate is the event of a session that was opened by somebody who may have died since.
func (m *Manager) openedLate(s Stored) tandem.AuditEvent {
	return openedEvent(nil, &Opened{Stored: s, Licence: *m.counts.Load()})
}

// onceOpened has the opening of a session recorded once, whoever finds that it may not be.
func (m *Manager) onceOpened(id string) *tandem.Once { return m.onceOf("session opened|" + id) }

// onceClosed has the end of a session recorded once likewise: what failed is tried again, and
// may have been kept all the same.
func (m *Manager) onceClosed(id string) *tandem.Once { return m.onceOf("session closed|" + id) }

// onceOf is remembered for longer than a session lasts that nobody uses: who uses it marks it.
func (m *Manager) onceOf(what string) *tandem.Once {
	return &tandem.Once{ID: sha256.Sum256([]byte(what)), Until: m.Clock.Now().Add(m.Idle + 24*time.Hour)}
}

// onRecord says whether another replica has recorded the opening of a session, or its end. It is asked
// before it is recorded late: an event that is there already holds up all that is recorded
// with it. Where that cannot be told it is recorded, which fails or tells by itself.
func (m *Manager) onRecord(ctx context.Context, once *tandem.Once) bool {
	recorded, err := m.Store.IsRecorded(ctx, once.ID)
	return recorded && err == nil
}

// closedEvents are those of sessions that have ended, each after that of its opening where
// that may not be on record.
func (m *Manager) closedEvents(ctx context.Context, ended []Stored) []tandem.AuditEvent {
	var events []tandem.AuditEvent
	for i := range ended {
		if once := m.onceOpened(ended[i].ID); !ended[i].Recorded && !m.onRecord(ctx, once) {
			opened := m.openedLate(ended[i])
			opened.Once = once
			events = append(events, opened)
		}
		s, at := &ended[i].Session, ended[i].UntoldSince
		if at.IsZero() {
			at = m.Clock.Now()
		}
		e := eventOf(s, tandem.AuditSessionClosed, at)
		e.Detail = fmt.Sprintf("%s; slot %d, opened %s, calls %d", s.EndReason, s.Slot, s.OpenedAt.UTC().Format(time.RFC3339), s.Requests)
		e.Once = m.onceClosed(s.ID)
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

func refusedFacts(p *tandem.Principal) tandem.Facts {
	f := tandem.Facts{Rule: tandem.RuleLicenceFull, Scope: p.Scope.String()}
	if p.User != nil {
		f.UserType = p.User.Type
	}
	return f
}

func licenceFull(l tandem.Licence) *tandem.Error {
	full := fmt.Sprintf("all %d licence slots are in use", l.Slots)
	if n := l.Slots - SharedSlots(l).Last; n > 0 {
		full = fmt.Sprintf("all licence slots open to this account are in use (%d in total, %d reserved)", l.Slots, n)
	}
	return tandem.Errorf(tandem.CodeLicenceFull, "MaximumLicenseCountExceeded: %s; somebody has to sign out, "+
		"a session ends 20 minutes after its last call, and an administrator can close one (tandem session close) or raise --licences", full).By(tandem.RuleLicenceFull)
}

var errUnavailable error = tandem.Errorf(tandem.CodeUnavailable,
	"the database does not answer, so no session can be opened or kept; try again")
