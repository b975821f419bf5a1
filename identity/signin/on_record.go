package signin

import (
	"cmp"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// codeIssued puts on record that an application was given a code, before it leaves.
func (h *Handler) codeIssued(r *http.Request, app *registry.App, req *authorizationRequest, who *signedIn, scope tandem.Scope, dropped []tandem.Dropped) error {
	if req.Obsolete {
		dropped = append(dropped, tandem.Dropped{Scope: tandem.ScopeDomainAPI, Rule: tandem.RuleScopeObsolete})
	}
	return h.record(r.Context(), r, tandem.AuditEvent{
		Kind: tandem.AuditCodeIssued, ApplicationURI: app.ApplicationURI, Actor: who.Account.Login, SignInID: who.ID,
		Detail: "authorization code, scope " + scope.String(),
		Facts: (&tandem.Facts{
			Grant: "authorize", Asked: req.Scope.String(), Scope: scope.String(), Limit: app.FlowScope(tandem.FlowUser).String(), Dropped: dropped,
			AppVersion: app.Version, UserVersion: who.Account.Version, UserType: who.Account.Type, AMR: who.Authentication.Words(), ACR: req.told(who).ACR(),
		}).JSON(),
	})
}

// refusedRequest puts on record that an application was refused through the browser.
// That a person has to sign in is an answer like any other to prompt=none, and no
// refusal.
func (h *Handler) refusedRequest(w http.ResponseWriter, r *http.Request, refused *refusal) {
	if refused.cause.Code == oauth.LoginRequired || refused.cause.Rule == "" {
		return
	}
	f := tandem.Facts{Rule: tandem.Rule(refused.cause.Rule), Asked: refused.request.Scope.String()}
	if app, ok := h.Applications.App(refused.request.ApplicationURI); ok {
		f.Limit, f.AppVersion = app.FlowScope(tandem.FlowUser).String(), app.Version
	}
	h.refuse(w, r, refused.request.ApplicationURI, f, string(refused.cause.Code), refused.cause.Error())
}

// refusedPage puts on record what a page says no to, and returns the reference to show.
func (h *Handler) refusedPage(w http.ResponseWriter, r *http.Request, shown *problem) (reference string) {
	application := ""
	if shown.about != nil { // a stranger's invention is not written down
		if app, ok := h.Applications.App(shown.about.application); ok {
			application = app.ApplicationURI
		}
	}
	f, e := tandem.Facts{Rule: shown.rule}, tandem.AuditEvent{Kind: tandem.AuditAuthorizationRefused, ApplicationURI: application}
	e.Detail = cmp.Or(shown.detail, shown.text.String())
	if shown.of != nil {
		e.Kind, e.Actor = tandem.AuditSignInFailed, shown.of.Login
		f.UserType, f.UserVersion = shown.of.Type, shown.of.Version
	}
	return h.refuseEvent(w, r, e, f, shown.code)
}

// refuse puts a refusal on record, and returns the id by which it is found.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, application string, f tandem.Facts, code, detail string) (reference string) {
	return h.refuseEvent(w, r, tandem.AuditEvent{Kind: tandem.AuditAuthorizationRefused, ApplicationURI: application, Detail: detail}, f, code)
}

func (h *Handler) refuseEvent(w http.ResponseWriter, r *http.Request, e tandem.AuditEvent, f tandem.Facts, code string) (reference string) {
	f.Method, f.Path = r.Method, r.URL.Path
	e.Flow, e.RemoteAddr = tandem.FlowUser, netaddr.Host(r.RemoteAddr)
	reference, err := h.Refusals.Refused(r.Context(), e, f, code)
	if err != nil {
		h.Log.WarnContext(r.Context(), "sign-in: a refusal is not on record", "error", err)
	}
	if reference != "" {
		w.Header().Set(tandem.RequestIDHeader, reference)
	}
	return cmp.Or(reference, tandem.RequestID(r.Context()))
}
