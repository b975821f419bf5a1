package api

import (
	"errors"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/permission"
)

// TypePermissionDenied is the name of the error of an account without a right, as
// [TypeInsufficientScope] is that of a token without a scope: they are mended by
// different people.
const TypePermissionDenied = "PermissionDenied"

func flowOf(p *tandem.Principal) tandem.Flow {
	if p.Service != nil {
		return tandem.FlowService
	}
	return tandem.FlowUser
}

// record puts a refusal on record, and keeps repeats from filling it. The answer of a
// repeat has the id of the first, and its number behind it, so that tandem explain finds
// it.
func (a *Access) record(w http.ResponseWriter, r *http.Request, e tandem.AuditEvent, f tandem.Facts, code string) error {
	if a.Refusals == nil {
		return nil
	}
	f.Method, f.Path = r.Method, tandem.Clip(r.URL.EscapedPath(), maxPath)
	e.RemoteAddr, e.Detail = netaddr.Host(r.RemoteAddr), f.Method+" "+f.Path+": "+e.Detail
	reference, err := a.Refusals.Refused(r.Context(), e, f, code)
	tellReference(w, reference)
	return err
}

func tellReference(w http.ResponseWriter, reference string) {
	if reference != "" {
		w.Header().Set(RequestIDHeader, reference)
		w.Header().Set(AnyRequestIDHeader, reference)
	}
}

// about fills in whom a token speaks for.
func about(e *tandem.AuditEvent, f *tandem.Facts, p *tandem.Principal) {
	e.ApplicationURI, e.Actor, e.Flow, e.TokenID = p.ApplicationURI, p.Actor(), flowOf(p), p.TokenID
	f.Scope = p.Scope.String()
	if p.User != nil {
		e.SignInID, f.UserType = p.User.SignInID, p.User.Type
	}
}

// ruleOf is the rule by which a call was refused.
func ruleOf(err error) tandem.Rule {
	var c *challenge
	if errors.As(err, &c) {
		return c.rule
	}
	var e *tandem.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch {
	case e.Rule != "":
		return e.Rule
	case e.Code == tandem.CodeThrottled:
		return tandem.RuleBusy
	case e.Code == tandem.CodeForbidden:
		return tandem.RuleKind
	}
	return ""
}

// forbidden puts on record that a call was refused for want of a good token, of a right
// that is no key's, or of patience: of whom, as far as the token says so.
func (a *Access) forbidden(w http.ResponseWriter, r *http.Request, p *tandem.Principal, err error) error {
	status, object := Describe(err)
	if status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusTooManyRequests {
		return err
	}
	var known *tandem.Error
	if errors.As(err, &known) && known.Rule == tandem.RuleLicenceFull { // which the sessions have on record
		tellReference(w, known.Reference)
		return err
	}
	if p == nil && known != nil {
		p = known.Of
	}
	e, f := tandem.AuditEvent{Kind: tandem.AuditCallRefused, Detail: object.Message}, tandem.Facts{Rule: ruleOf(err)}
	if p != nil {
		about(&e, &f, p)
	}
	var c *challenge
	if errors.As(err, &c) {
		f.Need = c.scope
	}
	if call := CallOf(r.Context()); call != nil {
		e.SessionID = call.Session.ID
	}
	if failed := a.record(w, r, e, f, object.Type); failed != nil {
		if status == http.StatusForbidden {
			return errors.Join(failed, err)
		}
		Errors{Log: a.Log}.log().WarnContext(r.Context(), "a refusal is not on record", "error", failed)
	}
	return err
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
	e := tandem.AuditEvent{Kind: tandem.AuditPermissionRefused, SessionID: call.Session.ID, Detail: refused.Error()}
	f := tandem.Facts{
		Rule: refused.Rule, Set: refused.Set, Attribute: refused.Attribute, Need: refused.Need.String(),
		Guard: refused.Guard, Key: refused.Key, Row: refused.Row,
	}
	about(&e, &f, p)
	if call.Narrowed {
		f.Person = call.OnBehalf.UserID
		e.Detail += " for user " + f.Person
	}
	if err := d.Access.record(w, r, e, f, TypePermissionDenied); err != nil {
		return err
	}
	who := "The account " + p.Actor()
	if call.Narrowed {
		who += ", narrowed to the person it calls for,"
	}
	return &statusError{http.StatusForbidden, TypePermissionDenied, who + refused.Error()[len("the account"):] +
		"; an administrator can say why with the id of the request (" + RequestIDHeader + "), and grant it to a group of the account."}
}
