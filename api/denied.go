package api

import (
	"errors"
	"fmt"
	"net/http"
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

// maxDenials is how many accounts, sets and rights are told apart in a minute's
// record of refusals.
const maxDenials = 1000

// denial is what repeated refusals have in common.
type denial struct {
	actor, application, set, attribute string
	need                               permission.Right
}

// denials keep the repeats of refusals from filling the record.
type denials = flood.Gate[denial, tandem.AuditEvent]

func flowOf(p *tandem.Principal) tandem.Flow {
	if p.Service != nil {
		return tandem.FlowService
	}
	return tandem.FlowUser
}

// denied turns a refusal by what the account is granted into an error for the
// caller, and puts it on record: the first at once, repeats once a minute.
func (d *Domain) denied(r *http.Request, err error) error {
	var refused *permission.Denied
	if !errors.As(err, &refused) {
		return err
	}
	told := &statusError{http.StatusForbidden, TypePermissionDenied, refused.Error() + "; administrators can grant it to a group of the account."}
	call := CallOf(r.Context())
	if call == nil {
		return told
	}
	told.message = "The account " + call.Principal.Actor() + told.message[len("the account"):]
	if err := d.recordDenied(r, call, refused); err != nil {
		return err
	}
	return told
}

func (d *Domain) recordDenied(r *http.Request, call *Call, refused *permission.Denied) error {
	p := call.Principal
	e := tandem.AuditEvent{
		At: d.Access.Clock.Now(), Kind: tandem.AuditPermissionRefused, ApplicationURI: p.ApplicationURI, Actor: p.Actor(), Flow: flowOf(p),
		SessionID: call.Session.ID, TokenID: p.TokenID, RemoteAddr: netaddr.Host(r.RemoteAddr),
		Detail: r.Method + " " + tandem.Clip(r.URL.EscapedPath(), maxPath) + ": " + refused.Error(),
	}
	kind := denial{e.Actor, e.ApplicationURI, refused.Set, refused.Attribute, refused.Need}
	d.denialsOnce.Do(func() { d.denials.Max = maxDenials })
	passes := d.denials.Pass(e.At, kind, e)
	for _, repeats := range d.denials.Due(e.At, false) {
		again := repeats.Last
		again.At = e.At
		again.Detail += fmt.Sprintf("; %d times more since %s", repeats.Count, repeats.Since.UTC().Format(time.RFC3339))
		if err := d.Access.Auditor.Record(r.Context(), again); err != nil {
			return err
		}
	}
	if !passes {
		return nil
	}
	return d.Access.Auditor.Record(r.Context(), e)
}
