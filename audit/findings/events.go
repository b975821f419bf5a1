package findings

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// EventsWindow is how far back the record is read for what happened.
const EventsWindow = 7 * day

// EventKinds are the kinds of event that [Events] look at.
var EventKinds = []tandem.AuditKind{
	tandem.AuditTokenRefused, tandem.AuditAuthorizationRefused, tandem.AuditCodeReplayed, tandem.AuditRefreshReplayed, tandem.AuditSignIn, tandem.AuditSignInFailed,
	tandem.AuditMultiplexing, tandem.AuditSessionOpened, tandem.AuditSessionRefused,
}

// maxTold is how many things of a kind are told apart; those beyond are left out.
const maxTold = 10_000

// Happened is how often something happened, when, and from where.
type Happened struct {
	// Application is an ApplicationURI, Login an account, SignInID the sign-in, Name what
	// else it is about; as far as there is one.
	Application, Login, SignInID, Name string
	Flow                               tandem.Flow
	N                                  int
	First, Last                        time.Time
	// From are addresses or networks, a few of them; Networks how many.
	From []string
}

// mostFrom is how many places are kept of what happened.
const mostFrom = 20

func (h *Happened) add(e *tandem.AuditEvent, n int, from string) {
	if h.N == 0 {
		h.First = e.At
	}
	h.N += n
	h.Last = e.At
	if from != "" && len(h.From) < mostFrom && !slices.Contains(h.From, from) {
		h.From = append(h.From, from)
	}
}

// happenings are what happened, by what it is about.
type happenings map[string]*Happened

// of is what happened to what the key names; nil beyond the bound.
func (all happenings) of(key ...string) *Happened {
	name := strings.Join(key, "\x00")
	h := all[name]
	if h == nil && len(all) < maxTold {
		h = &Happened{}
		all[name] = h
	}
	return h
}

// list is all that happened, the newest first.
func (all happenings) list() []*Happened {
	var list []*Happened
	for _, h := range all {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b *Happened) int { return b.Last.Compare(a.Last) })
	return list
}

// Events are what rules look at of what happened lately. Add the events in their order.
type Events struct {
	// Crossed are uses of a credential for the other half, by credential and place.
	// Failing are failed authentications, by application and hour, Outside scopes that a
	// half may not have, by half and day. Replayed are codes and refresh tokens that were
	// used twice, by sign-in.
	Crossed, Failing, Outside, Replayed happenings
	// Tried are failed sign-ins by login, Networks by network and hour. Guessed are sign-ins that worked after many failures,
	// by sign-in.
	Tried, Networks, Guessed happenings
	// Shared are service sessions used from several places, by application. Cycled are
	// sessions opened again after the sign-out, by sign-in and day. Full are refusals for
	// want of a slot, by login.
	Shared, Cycled, Full happenings
	// FullAt are moments of these, some.
	FullAt []time.Time

	limits *Limits
	proofs []proofRun
	failed map[string]*Happened // failures since the last success, by login
}

// NewEvents are none yet.
func NewEvents(l *Limits) *Events {
	return &Events{
		Crossed: happenings{}, Failing: happenings{}, Outside: happenings{}, Replayed: happenings{}, Tried: happenings{}, Networks: happenings{},
		Guessed: happenings{}, Shared: happenings{}, Cycled: happenings{}, Full: happenings{}, limits: l, failed: map[string]*Happened{},
	}
}

// proofRun is a run of tandem prove against an application.
type proofRun struct {
	application string
	from, to    time.Time
	// network is where the first that it tried came from: what comes from elsewhere at the
	// same time is somebody else's.
	network string
}

// proofEnds is for how long what a run has begun may still come to the record.
const proofEnds = 30 * time.Second

// Proven leaves out what a run of tandem prove tried at an application from a time on, for as
// long as it took: that is on record with its report, and no incident. Tell of all runs before
// the events.
func (s *Events) Proven(application string, at time.Time, took time.Duration) {
	s.proofs = append(s.proofs, proofRun{application: application, from: at.Add(-time.Second), to: at.Add(took + proofEnds)})
}

// tried reports whether an event is of such a run.
func (s *Events) tried(e *tandem.AuditEvent) bool {
	for i := range s.proofs {
		p := &s.proofs[i]
		if p.application != e.ApplicationURI || e.At.Before(p.from) || e.At.After(p.to) {
			continue
		}
		network := netaddr.Network(e.RemoteAddr)
		if p.network == "" {
			p.network = network
		}
		return p.network == network
	}
	return false
}

// repeats is how often an event stands for the same: see the details of repeated refusals.
func repeats(detail string) int {
	text, _, found := strings.Cut(detail[strings.LastIndex(detail, "; ")+1:], " times more since")
	if n, err := strconv.Atoi(strings.TrimSpace(text)); found && err == nil {
		return n
	}
	return 1
}

func hour(t time.Time) string { return t.UTC().Format("2006-01-02T15") }

// Add looks at one event.
func (s *Events) Add(e *tandem.AuditEvent) {
	if s.tried(e) {
		return
	}
	switch e.Kind {
	case tandem.AuditTokenRefused, tandem.AuditAuthorizationRefused:
		s.refused(e)
	case tandem.AuditCodeReplayed, tandem.AuditRefreshReplayed:
		if h := s.Replayed.of(e.SignInID, e.ApplicationURI); h != nil && e.SignInID != "" {
			h.Application, h.SignInID, h.Name = e.ApplicationURI, e.SignInID, string(e.Kind)
			h.add(e, 1, e.RemoteAddr)
		}
	case tandem.AuditSignInFailed:
		s.signInFailed(e)
	case tandem.AuditSignIn:
		s.signedIn(e)
	default:
		s.session(e)
	}
}

// refused looks at what applications were refused.
func (s *Events) refused(e *tandem.AuditEvent) {
	facts, err := tandem.ParseFacts(e.Facts)
	if err != nil || e.ApplicationURI == "" {
		return
	}
	n, network := repeats(e.Detail), netaddr.Network(e.RemoteAddr)
	switch facts.Rule {
	case tandem.RuleCredOtherFlow:
		if h := s.Crossed.of(e.ApplicationURI, facts.Credential); h != nil {
			h.Application, h.Name, h.Flow = e.ApplicationURI, facts.Credential, e.Flow
			h.add(e, n, e.RemoteAddr)
		}
	case tandem.RuleCredUnknown, tandem.RuleCredExpired, tandem.RuleCredAssertion, tandem.RuleCredReplayed:
		if h := s.Failing.of(e.ApplicationURI, hour(e.At)); h != nil {
			h.Application = e.ApplicationURI
			h.add(e, n, network)
		}
	case tandem.RuleScopeFlow:
		if h := s.Outside.of(e.ApplicationURI, string(e.Flow), e.At.UTC().Format(time.DateOnly)); h != nil {
			h.Application, h.Flow = e.ApplicationURI, e.Flow
			h.add(e, n, e.RemoteAddr)
			limit := tandem.ParseScope(facts.Limit)
			for _, word := range tandem.ParseScope(facts.Asked) {
				if !limit.Has(word) && !tandem.IsProtocolScope(word) {
					h.Name = tandem.Clip(word, 60)
				}
			}
		}
	}
}

func (s *Events) signInFailed(e *tandem.AuditEvent) {
	network := netaddr.Network(e.RemoteAddr)
	if h := s.Networks.of(network, hour(e.At)); h != nil && network != "" {
		h.Name = network
		h.add(e, 1, e.Actor) // the accounts that were tried
	}
	if e.Actor == "" {
		return
	}
	if h := s.Tried.of(e.Actor); h != nil {
		h.Login = e.Actor
		h.add(e, 1, e.RemoteAddr)
	}
	before := s.failed[e.Actor]
	if before == nil && len(s.failed) < maxTold {
		before = &Happened{}
		s.failed[e.Actor] = before
	}
	if before != nil {
		before.add(e, 1, network)
	}
}

func (s *Events) signedIn(e *tandem.AuditEvent) {
	before := s.failed[e.Actor]
	delete(s.failed, e.Actor)
	if before == nil || before.N < s.limits.FailedBeforeSuccess || e.At.Sub(before.Last) > day {
		return
	}
	if h := s.Guessed.of(e.SignInID); h != nil {
		h.Login, h.SignInID, h.First = e.Actor, e.SignInID, before.First
		h.N, h.Last, h.From = before.N, e.At, []string{e.RemoteAddr}
	}
}

// Reopened is what the record says of a session that was opened after the sign-out.
const Reopened = "reopened with a token that outlived the sign-out"

func (s *Events) session(e *tandem.AuditEvent) {
	switch e.Kind {
	case tandem.AuditMultiplexing:
		if h := s.Shared.of(e.ApplicationURI); h != nil {
			h.Application, h.Login = e.ApplicationURI, e.Actor
			h.add(e, 1, e.RemoteAddr)
		}
	case tandem.AuditSessionOpened:
		if !strings.Contains(e.Detail, Reopened) {
			return
		}
		if h := s.Cycled.of(e.SignInID, e.At.UTC().Format(time.DateOnly)); h != nil {
			h.Application, h.Login, h.SignInID = e.ApplicationURI, e.Actor, e.SignInID
			h.add(e, 1, e.RemoteAddr)
		}
	case tandem.AuditSessionRefused:
		if h := s.Full.of(e.Actor); h != nil {
			h.Login = e.Actor
			h.add(e, repeats(e.Detail), e.RemoteAddr)
		}
		if len(s.FullAt) < 1000 {
			s.FullAt = append(s.FullAt, e.At)
		}
	}
}
