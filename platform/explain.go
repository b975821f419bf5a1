package platform

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
)

// Explanation is why an account may make a call or may not. It is for administrators: it
// names keys, groups and rows that the account does not see.
type Explanation struct {
	Login  string
	Type   tandem.UserType
	Groups []string
	// Call is what was asked about.
	Call string
	// Applications are those through which the account would make it.
	Applications []Through
	// Steps are the decisions, in the order in which they are made.
	Steps []Step
	// Status is what the API would answer, and Answer its words; 0 where the call is not
	// made because its body is not given, and nothing refuses it.
	Status int
	Answer string
	// Mend are commands that would let the account do it.
	Mend []string
}

// Through is an application by which an account calls.
type Through struct {
	ApplicationURI string
	Flow           tandem.Flow
	// Scope is what its tokens may have at most, Enough whether that has what the call
	// needs.
	Scope  tandem.Scope
	Need   string
	Enough bool
}

// Step is one decision.
type Step struct {
	// What is asked for: a right on a set, an attribute, or a key of the row.
	What    string
	Allowed bool
	// By are the groups of the account that give it; Others are groups that would, where
	// none of its own does.
	By, Others []string
}

// Explain tells whether an account may make a call, and why. The call is one line: GET
// Set(id)?…, PATCH Set(id) Name,Name or with a JSON body, DELETE Set(id), POST Set, POST
// Set(id)/Children, POST Set(id)/Action {…}. It is made, by the code that would make it, with a token that has every
// scope, and undone; nothing stays but the record of who asked.
func (a *Administration) Explain(ctx context.Context, login, call string) (*Explanation, error) {
	of, err := a.Permissions.Of(ctx, login)
	if err != nil {
		return nil, err
	}
	x := &explaining{Administration: a, of: of, e: &Explanation{Login: of.User.Login, Type: of.User.Type, Groups: of.Groups, Call: call}}
	if err := x.parse(call); err != nil {
		return nil, err
	}
	if err := x.prepare(ctx); err != nil {
		return nil, err
	}
	if err := x.try(ctx); err != nil {
		return nil, err
	}
	if err := x.through(ctx); err != nil {
		return nil, err
	}
	if err := x.rowSteps(ctx); err != nil {
		return nil, err
	}
	if err := x.mend(ctx); err != nil {
		return nil, err
	}
	return x.e, a.note(ctx, a.config.By, tandem.Facts{Subject: subject(&of.User)}, fmt.Sprintf("asked why %s may or may not %s", of.User.Login, tandem.Clip(call, 200)))
}

func subject(u *tandem.User) tandem.Subject {
	return tandem.Subject{Kind: "user", ID: u.ID, Name: u.Login}
}

// note puts on record what was done.
func (a *Administration) note(ctx context.Context, by tandem.By, f tandem.Facts, what string) error {
	e := by.Recorded(what, f)
	e.At = a.config.Clock.Now()
	return a.audit.Record(ctx, e)
}

// explaining makes an explanation.
type explaining struct {
	*Administration
	of     permission.Of
	e      *Explanation
	d      permission.Definitions
	groups []string // of the account, by id
	rights *permission.Rights

	method, path, rawQuery, body string
	sent                         string   // the body that was given
	members                      []string // of a PATCH or POST without a body
	target                       odata.Path
	model                        *write.Model
	rows                         *data.ERP
	decided                      []permission.Decision
	facts                        tandem.Facts
	hiddenBy                     *lacking // what the row that the call names is hidden by
}

// parse reads the call.
func (x *explaining) parse(call string) error {
	method, rest, _ := strings.Cut(strings.TrimSpace(call), " ")
	x.method = strings.ToUpper(method)
	path, more, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if x.method == http.MethodGet {
		path, more = strings.ReplaceAll(strings.TrimSpace(rest), " ", "%20"), ""
	}
	if !slices.Contains([]string{"GET", "PATCH", "DELETE", "POST"}, x.method) || path == "" {
		return tandem.Errorf(tandem.CodeInvalid, "write the call as 'GET Set(id)?$select=…', 'PATCH Set(id) Name,Name', 'DELETE Set(id)', "+
			"'POST Set' or 'POST Set(id)/Action {…}'")
	}
	if more = strings.TrimSpace(more); strings.HasPrefix(more, "{") {
		x.body = more
	} else {
		for name := range strings.FieldsFuncSeq(more, func(r rune) bool { return r == ',' || r == ' ' }) {
			x.members = append(x.members, name)
		}
	}
	x.sent = x.body
	x.path, x.rawQuery, _ = strings.Cut(strings.TrimPrefix(path, api.DomainPath), "?")
	var err error
	if x.target, err = odata.ParsePath(x.path); err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "%v", err)
	}
	return nil
}

// prepare reads what the account holds.
func (x *explaining) prepare(ctx context.Context) (err error) {
	if x.d, err = x.permissions.Definitions(ctx); err != nil {
		return err
	}
	put, _, err := x.permissions.GroupsOf(ctx, x.of.User.ID)
	if err != nil {
		return err
	}
	x.groups = permission.GroupsOf(&x.of.User, put)
	x.rights = permission.NewTable(x.d).Rights(x.groups).As(x.of.User.ID)
	x.model = erpModel()
	x.rows = x.erpStore(x.model)
	x.rows.Undo = true
	return nil
}

// through finds the applications by which the account calls, and what their scopes cut
// off.
func (x *explaining) through(ctx context.Context) error {
	need := tandem.Scope{api.ScopeFor(x.method)}
	if x.facts.Rule == tandem.RuleScope && !need.Has(x.facts.Need) { // of rows that no application is given
		need = append(need, x.facts.Need)
		x.e.Steps = append(x.e.Steps, Step{What: "the scope " + x.facts.Need + ", which no application is given"})
	}
	for app, err := range x.Apps.List(ctx, registry.Filter{}) {
		if err != nil {
			return err
		}
		t := Through{ApplicationURI: app.ApplicationURI, Need: need.String()}
		switch u := &x.of.User; {
		case !app.Enabled:
			continue
		case u.Type == tandem.SystemUserNoLogin && app.SystemUserAllowed && app.SystemUserID == u.ID:
			t.Flow, t.Scope = tandem.FlowService, app.FlowScope(tandem.FlowService)
		case u.Type == tandem.InternalUser && app.AllowsUserType(u.Type):
			t.Flow, t.Scope = tandem.FlowUser, app.FlowScope(tandem.FlowUser)
		default:
			continue
		}
		t.Enough = need.Within(t.Scope)
		x.e.Applications = append(x.e.Applications, t)
	}
	return nil
}

// Decided implements [permission.Watcher].
func (x *explaining) Decided(d permission.Decision) {
	if !slices.ContainsFunc(x.decided, func(had permission.Decision) bool {
		return had.Set == d.Set && had.Attribute == d.Attribute && had.Key == d.Key && had.Need == d.Need &&
			(had.Refused == nil) == (d.Refused == nil)
	}) {
		x.decided = append(x.decided, d)
	}
}

// try makes the call, and undoes it.
func (x *explaining) try(ctx context.Context) error {
	named, err := x.named()
	if err != nil {
		return err
	}
	if err := x.rows.FollowKeys(ctx, x.permissions); err != nil {
		return err
	}
	var store write.Store = x.rows
	if named {
		x.body, store = "{}", asking{x.rows, x.members}
	}
	err = x.call(ctx, store)
	if named && x.e.Status < http.StatusBadRequest {
		x.e.Status = 0
	}
	for _, d := range x.decided {
		x.step(d)
	}
	return err
}

// named reports whether the call names attributes in the place of a body. What an action
// asks of the account depends on its values.
func (x *explaining) named() (bool, error) {
	switch {
	case x.body != "" || x.method != http.MethodPatch && x.method != http.MethodPost:
		return false, nil
	case x.method == http.MethodPatch || x.target.Member == "" || x.child():
		return true, nil
	case len(x.members) > 0:
		return false, tandem.Errorf(tandem.CodeInvalid, "what %s asks of the account depends on its parameters: "+
			"give them in a body, as in 'POST Set(id)/%[1]s {%q:…}'", x.target.Member, x.members[0])
	}
	return false, nil // an action may have no parameters
}

// child reports whether the call is about a child collection.
func (x *explaining) child() bool {
	set := x.model.Set(x.target.Name)
	return set != nil && set.Child(x.target.Member) != nil
}

// call lets the API itself answer.
func (x *explaining) call(ctx context.Context, store write.Store) error {
	access := &api.Access{
		Verifier: x, Checker: x, Sessions: x, Auditor: x, Refusals: x, Watch: x, Clock: x.config.Clock, Log: x.config.Log,
		Rights: func(context.Context, *tandem.Principal) (*permission.Rights, error) { return x.rights, nil },
	}
	mux := http.NewServeMux()
	(&api.Domain{
		Model: x.model.Model, Store: store, Access: access, Root: "https://explain.example", Log: slog.New(slog.DiscardHandler),
		Sessions: x.Sessions.List, PersonOf: x.rows.PersonOf, LastProof: x.LastProof,
		Usage: func(context.Context) (api.LicenceUsage, error) { return api.LicenceUsage{}, nil },
	}).Mount(mux)
	target := "https://explain.example" + api.DomainPath + x.path
	if x.rawQuery != "" {
		target += "?" + x.rawQuery
	}
	r, err := http.NewRequestWithContext(ctx, x.method, target, strings.NewReader(x.body))
	if err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "the call cannot be read: %v", err)
	}
	r.RemoteAddr = "127.0.0.1:0"
	r.Header.Set("Authorization", "Bearer explain")
	r.Header.Set("Prefer", "return=minimal")
	if x.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := &kept{header: http.Header{}}
	mux.ServeHTTP(w, r)
	x.e.Status, x.e.Answer = w.status, w.words()
	return nil
}

// asking is a store that asks what a write asks of the account of which only the attributes
// are known, and writes nothing. Rules, which look at values, are not asked.
type asking struct {
	*data.ERP
	members []string
}

// Write implements [write.Store].
func (s asking) Write(ctx context.Context, by write.Actor, set *model.Set, _ *write.Object) (write.Outcome, error) {
	return write.Outcome{}, s.Try(ctx, by, func(w *write.Writer) error { return w.MayCreate(set, s.members) })
}

// CreateChild implements [write.Store].
func (s asking) CreateChild(ctx context.Context, by write.Actor, e model.Entity, when write.Condition,
	child *model.Child, _ *write.Object) (write.Outcome, error) {
	return write.Outcome{}, s.Try(ctx, by, func(w *write.Writer) error { return w.MayCreateChild(e, when, child, s.members) })
}

// Update implements [write.Store].
func (s asking) Update(ctx context.Context, by write.Actor, e model.Entity, _ write.Condition, _ *write.Object) (write.Outcome, error) {
	return write.Outcome{Entity: e}, s.Try(ctx, by, func(w *write.Writer) error { return w.MayChange(e, permission.Update, s.members) })
}

// explainScope is that of a token that has every scope but sec.
var explainScope = tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate}

// VerifyAccess implements [api.Verifier].
func (x *explaining) VerifyAccess(context.Context, string) (*tandem.Principal, error) {
	p := &tandem.Principal{Scope: explainScope, ExpiresAt: x.config.Clock.Now().Add(time.Hour)}
	u := &x.of.User
	if u.Type == tandem.SystemUserNoLogin {
		p.Service = &tandem.ServiceIdentity{SystemUserID: u.ID, SystemUserLogin: u.Login}
	} else {
		p.User = &tandem.UserIdentity{ID: u.ID, Login: u.Login, Type: u.Type, Admin: u.Admin}
	}
	return p, nil
}

// Check implements [api.Checker].
func (x *explaining) Check(context.Context, *tandem.Principal) error {
	return registry.MayAct(&x.of.User)
}

// Acquire implements [api.Sessions]: no slot is taken.
func (x *explaining) Acquire(context.Context, *tandem.Principal, string) (*tandem.Session, error) {
	return &tandem.Session{ID: "explain"}, nil
}

// Record implements [api.Auditor]: the call is not one that happened.
func (x *explaining) Record(context.Context, tandem.AuditEvent) error { return nil }

// Refused implements [tandem.Refuser]: nor did a refusal happen, and it says why.
func (x *explaining) Refused(_ context.Context, _ tandem.AuditEvent, f tandem.Facts, _ string) (string, error) {
	x.facts = f
	return "", nil
}
