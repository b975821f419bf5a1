package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/flood"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/permission"
)

// TypePermissionDenied is the name of the error of an account without a right, as
// [TypeInsufficientScope] is that of a token without a scope: they are mended by
// different people.
const TypePermissionDenied = "PermissionDenied"

// maxRefusals is how many accounts, sets and rights are told apart in a minute's
// record of refusals. Those beyond are counted together.
const maxRefusals = 1000

// refusal is what repeated refusals have in common.
type refusal struct {
	actor, application, set, attribute, need string
	rule                                     tandem.Rule
}

// refusals put on record what the API forbids, and keep repeats from filling it.
type refusals struct {
	auditor Auditor
	clock   tandem.Clock
	once    sync.Once
	gate    flood.Gate[refusal, tandem.AuditEvent]
}

func flowOf(p *tandem.Principal) tandem.Flow {
	if p.Service != nil {
		return tandem.FlowService
	}
	return tandem.FlowUser
}

// record puts a refusal on record: the first of its kind at once, repeats once a
// minute with how many they were. The answer of a repeat has the id of the first, and
// its number behind it, so that tandem explain finds it.
func (s *refusals) record(w http.ResponseWriter, r *http.Request, e tandem.AuditEvent, f tandem.Facts) error {
	s.once.Do(func() { s.gate.Max = maxRefusals })
	f.Method, f.Path = r.Method, tandem.Clip(r.URL.EscapedPath(), maxPath)
	e.At, e.RequestID, e.RemoteAddr = s.clock.Now(), tandem.RequestID(r.Context()), netaddr.Host(r.RemoteAddr)
	e.Detail = f.Method + " " + f.Path + ": " + e.Detail
	e.Facts = f.JSON()
	if err := s.tell(r.Context(), false); err != nil {
		return err
	}
	first, n := s.gate.Repeat(e.At, refusal{e.Actor, e.ApplicationURI, f.Set, f.Attribute, f.Need, f.Rule}, e)
	if n == 0 {
		return s.auditor.Record(r.Context(), e)
	}
	if first.RequestID != "" {
		w.Header().Set(RequestIDHeader, first.RequestID+"."+strconv.Itoa(n))
	}
	return nil
}

// tell records the repeats whose minute is over, or all.
func (s *refusals) tell(ctx context.Context, all bool) error {
	now := s.clock.Now()
	for _, repeats := range s.gate.Due(now, all) {
		e := repeats.Last
		e.At = now
		e.Detail += fmt.Sprintf("; %d times more since %s", repeats.Count, repeats.Since.UTC().Format(time.RFC3339))
		if repeats.Crowd {
			e.Detail += ", of more kinds than are told apart"
		}
		if err := s.auditor.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Tell records the repeats of refusals whose minute is over, or all when the instance
// ends. Whoever runs the API calls it now and then.
func (a *Access) Tell(ctx context.Context, all bool) error {
	a.once.Do(a.init)
	return a.refusals.tell(ctx, all)
}

// forbidden puts on record that a call was refused before it had a session, where the
// error says that it is forbidden.
func (a *Access) forbidden(w http.ResponseWriter, r *http.Request, p *tandem.Principal, err error) error {
	status, object := Describe(err)
	if status != http.StatusForbidden || p == nil || object.Type == TypeLicenceFull { // which the sessions have on record
		return err
	}
	f := tandem.Facts{Rule: tandem.RuleKind, Scope: p.Scope.String()}
	var c *challenge
	if errors.As(err, &c) {
		f.Rule, f.Need = tandem.RuleScope, c.scope
	}
	e := tandem.AuditEvent{
		Kind: tandem.AuditCallRefused, ApplicationURI: p.ApplicationURI, Actor: p.Actor(), Flow: flowOf(p), TokenID: p.TokenID,
		Detail: object.Message,
	}
	if call := CallOf(r.Context()); call != nil {
		e.SessionID = call.Session.ID
	}
	return errors.Join(a.refusals.record(w, r, e, f), err)
}

// denied turns a refusal into an error for the caller, and puts it on record.
func (d *Domain) denied(w http.ResponseWriter, r *http.Request, err error) error {
	call := CallOf(r.Context())
	var refused *permission.Denied
	switch {
	case call == nil:
		if errors.As(err, &refused) {
			return &statusError{http.StatusForbidden, TypePermissionDenied, refused.Error() + "."}
		}
		return err
	case !errors.As(err, &refused):
		return d.Access.forbidden(w, r, call.Principal, err)
	}
	p := call.Principal
	e := tandem.AuditEvent{
		Kind: tandem.AuditPermissionRefused, ApplicationURI: p.ApplicationURI, Actor: p.Actor(), Flow: flowOf(p),
		SessionID: call.Session.ID, TokenID: p.TokenID, Detail: refused.Error(),
	}
	f := tandem.Facts{
		Rule: refused.Rule, Set: refused.Set, Attribute: refused.Attribute, Need: refused.Need.String(),
		Guard: refused.Guard, Key: refused.Key, Row: refused.Row, Scope: p.Scope.String(),
	}
	if call.Narrowed {
		f.Person = call.OnBehalf.UserID
		e.Detail += " for user " + f.Person
	}
	if err := d.Access.refusals.record(w, r, e, f); err != nil {
		return err
	}
	who := "The account " + p.Actor()
	if call.Narrowed {
		who += ", narrowed to the person it calls for,"
	}
	return &statusError{http.StatusForbidden, TypePermissionDenied, who + refused.Error()[len("the account"):] +
		"; an administrator can say why with the id of the request (" + RequestIDHeader + "), and grant it to a group of the account."}
}
