package platform

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// TokenExplanation is what is known of a token: what it was given by, and what is true of
// it now.
type TokenExplanation struct {
	// Kind is what it is in words, such as "service token". Foreign says that it is not
	// ours: then Issuer and KeyID are what it says, and not to be believed.
	Kind          string
	Foreign       bool
	Issuer, KeyID string

	ApplicationURI, Actor       string
	Flow                        tandem.Flow
	TokenID, SignInID, Instance string
	Audience                    []string
	Scope                       tandem.Scope
	IssuedAt, ExpiresAt         time.Time
	// Family is the refresh family, with the token's number in it and the newest one's.
	Family         string
	Number, Newest int64

	// Made is who made a reference token, from where and what for, in words.
	Made string
	// Issued is the event of its issue, nil where the record has it no more.
	Issued *EventExplanation
	// LimitNow is what the flow may have today.
	LimitNow tandem.Scope
	// Changed are the deeds of administration since then that changed what the
	// application may.
	Changed []tandem.AuditEvent
	// Now is by which rule it would be refused; empty while it is good. Why says more,
	// Mend what to do.
	Now  tandem.Rule
	Why  string
	Mend []string
	// Sessions are those in which it can have been used.
	Sessions []tandem.Session
}

// ErrNoToken is for a text that is no token at all.
var ErrNoToken error = tandem.Errorf(tandem.CodeInvalid, "this is no token: neither a JWT, nor a refresh token of ours, which begins with tdrt_, nor a reference token, which begins with enrt_")

// ExplainToken tells what a token is, how it was come by, and what is true of it now. That
// it was asked is put on record; the token is not.
func (a *Administration) ExplainToken(ctx context.Context, text string) (*TokenExplanation, error) {
	text = strings.TrimSpace(text)
	if len(text) > token.MaxJWT {
		return nil, ErrNoToken
	}
	if err := a.LoadKeys(ctx); err != nil {
		return nil, err
	}
	live, err := a.live(ctx)
	if err != nil {
		return nil, err
	}
	x := &explainingToken{Administration: a, live: live, e: &TokenExplanation{}}
	switch {
	case token.IsRefreshToken(text):
		err = x.refresh(ctx, text)
	case tandem.IsReferenceToken(text):
		err = x.reference(ctx, text)
	default:
		err = x.jwt(ctx, text)
	}
	if err != nil {
		return nil, err
	}
	what := "asked about a " + x.e.Kind
	if x.e.ApplicationURI != "" {
		what += " of " + x.e.ApplicationURI
	}
	return x.e, a.note(ctx, a.config.By, tandem.Facts{}, what)
}

// live is a view of who may act, as it is now.
func (a *Administration) live(ctx context.Context) (*registry.Registry, error) {
	live := &registry.Registry{
		Changes: data.NewChanges(a.DB), Users: a.users, Permissions: a.permissions, References: a.references, Log: a.config.Log, Clock: a.config.Clock,
	}
	return live, live.Refresh(ctx)
}

// explainingToken makes an explanation.
type explainingToken struct {
	*Administration
	live *registry.Registry
	e    *TokenExplanation
}

// jwt explains an access token or an ID token.
func (x *explainingToken) jwt(ctx context.Context, text string) error {
	in, err := x.Keys.Inspect(ctx, text)
	if err != nil {
		return err
	}
	if !in.JWT {
		return ErrNoToken
	}
	e := x.e
	e.Issuer, e.KeyID = in.Issuer, in.KeyID
	if !in.Ours {
		e.Kind, e.Foreign, e.Now = "token that is not ours", true, tandem.RuleTokenSignature
		e.Why = "no key that this instance has published signed it"
		return nil
	}
	p := in.Principal
	if p == nil {
		e.Kind, e.Now = "token of ours, of no kind", tandem.RuleTokenKind
		return nil
	}
	e.ApplicationURI, e.TokenID, e.Scope, e.IssuedAt, e.ExpiresAt, e.Audience = p.ApplicationURI, p.TokenID, p.Scope, p.IssuedAt, p.ExpiresAt, in.Audience
	e.Actor = p.Actor()
	switch in.Kind {
	case oauth.KindService:
		e.Kind, e.Flow, e.Instance = "service token", tandem.FlowService, p.Service.Instance
	case oauth.KindID:
		e.Kind, e.Flow, e.SignInID = "ID token", tandem.FlowUser, p.User.SignInID
	default:
		e.Kind, e.Flow, e.SignInID, e.Family = "user token", tandem.FlowUser, p.User.SignInID, p.User.GrantID
	}
	if err := x.issued(ctx, audit.Filter{Kind: tandem.AuditTokenIssued, TokenID: p.TokenID}, p.IssuedAt, p.IssuedAt); err != nil {
		return err
	}
	if err := x.since(ctx, p.IssuedAt); err != nil {
		return err
	}
	if err := x.now(ctx, &in); err != nil {
		return err
	}
	if in.Kind == oauth.KindID {
		return nil // opens no session
	}
	return x.sessions(ctx, p)
}

// issued finds the event of the issue, between the times.
func (x *explainingToken) issued(ctx context.Context, f audit.Filter, from, until time.Time) error {
	f.Forward, f.Limit = true, 1
	f.After, f.Before = sqldb.FirstID(from.Add(-requestBefore)), sqldb.FirstID(until.Add(time.Minute))
	events, err := x.Audit.List(ctx, f)
	if err != nil || len(events) == 0 {
		return err
	}
	issued, err := x.explained(ctx, events[0])
	x.e.Issued = issued
	return err
}

// limits are what of an application decides about its tokens, by the names that the
// record has.
var limits = []string{
	"scope", "user_scope", "service_scope", "is_enabled", "client_type", "system_user", "system_user_allowed",
	"impersonate_as_internal_user_allowed", "impersonate_as_community_user_allowed",
}

// maxChanges is how many deeds are looked through.
const maxChanges = 1000

// since finds what the application may today, and who has changed it.
func (x *explainingToken) since(ctx context.Context, issued time.Time) error {
	if app, known := x.live.App(x.e.ApplicationURI); known {
		x.e.LimitNow = app.FlowScope(x.e.Flow)
	}
	deeds, err := x.Audit.List(ctx, audit.Filter{
		Kind: tandem.AuditAdministration, ApplicationURI: x.e.ApplicationURI, After: sqldb.FirstID(issued.Add(-requestBefore)), Forward: true, Limit: maxChanges,
	})
	if err != nil {
		return err
	}
	for _, deed := range deeds {
		f, err := tandem.ParseFacts(deed.Facts)
		if err != nil {
			return err
		}
		for _, name := range limits {
			_, was := f.Before[name]
			_, is := f.After[name]
			if (was || is) && deed.At.After(issued) && f.Before != nil { // else it was made
				x.e.Changed = append(x.e.Changed, deed)
				break
			}
		}
	}
	return nil
}

// now asks those who would decide about the token.
func (x *explainingToken) now(ctx context.Context, in *token.Inspected) error {
	p, at := in.Principal, x.config.Clock.Now()
	switch {
	case !at.Before(p.ExpiresAt.Add(token.Skew)):
		x.refused(tandem.RuleTokenExpired, "")
	case in.KeyState == token.KeyRemoved:
		x.refused(tandem.RuleTokenSignature, "its key was removed")
	case in.Kind == oauth.KindID:
		return nil // is evidence, and opens nothing
	default:
		return x.check(ctx, p)
	}
	return nil
}

// check lets the registry decide, as it does at each call.
func (x *explainingToken) check(ctx context.Context, p *tandem.Principal) error {
	err := x.live.Check(ctx, p)
	var refused *tandem.Error
	if err == nil || !errors.As(err, &refused) || refused.Rule == "" {
		return err
	}
	x.refused(refused.Rule, refused.Message)
	return nil
}

func (x *explainingToken) refused(rule tandem.Rule, why string) {
	x.e.Now, x.e.Why = rule, why
	x.e.Mend = x.mended(rule, tandem.AuditEvent{ApplicationURI: x.e.ApplicationURI, Actor: x.e.Actor, Flow: x.e.Flow}, tandem.Facts{Asked: x.e.Scope.String()})
}

// maxSessions is how many sessions are looked through.
const maxSessions = 2000

// sessions finds those that the token's calls were in, or could have been.
func (x *explainingToken) sessions(ctx context.Context, p *tandem.Principal) error {
	key, seen := session.KeyOf(p), 0
	f := session.Filter{All: true, User: p.Actor(), ApplicationURI: p.ApplicationURI}
	if key == "" {
		return nil
	}
	for s, err := range x.Sessions.Each(ctx, f) {
		if err != nil {
			return err
		}
		if seen++; seen > maxSessions || !s.EndedAt.IsZero() && s.EndedAt.Before(p.IssuedAt) {
			break
		}
		if s.Key == key && s.OpenedAt.Before(p.ExpiresAt) {
			x.e.Sessions = append(x.e.Sessions, s)
		}
	}
	slices.Reverse(x.e.Sessions)
	return nil
}

// refresh explains a refresh token.
func (x *explainingToken) refresh(ctx context.Context, text string) error {
	in, err := x.Families.Inspect(ctx, text)
	if errors.Is(err, tandem.ErrNotFound) {
		x.e.Kind, x.e.Foreign, x.e.Now = "refresh token that is not ours", true, tandem.RuleRefreshUnknown
		x.e.Why = "no family that is kept has given it out; ended ones are kept for a week after their time"
		return nil
	}
	if err != nil {
		return err
	}
	e, f := x.e, &in.Family
	e.Kind, e.Flow, e.Family, e.Number, e.Newest = "refresh token", tandem.FlowUser, f.ID, in.Number, f.Generation
	e.ApplicationURI, e.SignInID, e.Scope, e.IssuedAt, e.ExpiresAt = f.ApplicationURI, f.SignInID, f.Scope, f.CreatedAt, f.ExpiresAt
	u, err := x.users.UserByID(ctx, f.UserID)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	e.Actor = u.Login
	until := f.RotatedAt
	if err := x.issued(ctx, audit.Filter{
		Kind: tandem.AuditTokenIssued, SignInID: f.SignInID, Family: fmt.Sprintf("%s#%d", f.ID, in.Number),
	}, f.CreatedAt, until); err != nil {
		return err
	}
	if e.Issued != nil {
		e.IssuedAt = e.Issued.At
	}
	if err := x.since(ctx, f.CreatedAt); err != nil {
		return err
	}
	return x.refreshNow(ctx, &in, &u)
}

// reference explains a PAT or a SAT, by the hash of its text.
func (x *explainingToken) reference(ctx context.Context, text string) error {
	e := x.e
	t, err := x.references.ReferenceByHash(ctx, sha256.Sum256([]byte(text)))
	if errors.Is(err, tandem.ErrNotFound) {
		e.Kind, e.Foreign, e.Now = "reference token that is not ours", true, tandem.RuleReferenceUnknown
		return nil
	}
	if err != nil {
		return err
	}
	e.Kind, e.Flow = "personal access token", t.Kind.Flow()
	if t.Kind == tandem.ReferenceSAT {
		e.Kind = "service access token"
	}
	e.ApplicationURI, e.TokenID, e.Scope, e.IssuedAt, e.ExpiresAt = t.ApplicationURI, t.ID, t.Scope, t.CreatedAt, t.ExpiresAt
	e.Made = strings.TrimSpace(fmt.Sprintf("%q by %s %s", t.Name, t.CreatedBy, t.CreatedFrom))
	if err := x.since(ctx, t.CreatedAt); err != nil {
		return err
	}
	p, err := x.live.Reference(ctx, text)
	var refused *tandem.Error
	switch {
	case err == nil:
		e.Actor = p.Actor()
		if err := x.check(ctx, p); err != nil {
			return err
		}
		return x.sessions(ctx, p)
	case errors.As(err, &refused) && refused.Rule != "":
		x.refused(refused.Rule, refused.Message)
		return nil
	}
	return err
}

// refreshNow says whether the token could be used now. It asks no more than who would
// decide, and uses nothing up.
func (x *explainingToken) refreshNow(ctx context.Context, in *token.InspectedRefresh, u *tandem.User) error {
	f, at := &in.Family, x.config.Clock.Now()
	switch {
	case !f.EndedAt.IsZero():
		x.refused(tandem.RuleRefreshEnded, fmt.Sprintf("%s, %s", f.EndReason, f.EndedAt.UTC().Format(time.DateTime)))
	case !in.Proven:
		x.refused(tandem.RuleRefreshAltered, "")
	case !at.Before(f.ExpiresAt):
		x.refused(tandem.RuleRefreshExpired, "")
	case !in.Current:
		x.refused(tandem.RuleRefreshReplayed, "it was replaced: used now, it would end its family")
	case u.Type != f.UserType:
		x.refused(tandem.RuleUserChanged, "")
	default:
		return x.check(ctx, &tandem.Principal{
			ApplicationURI: f.ApplicationURI, IssuedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt,
			User: &tandem.UserIdentity{ID: f.UserID, Login: u.Login, Type: u.Type, Admin: u.Admin, SignInID: f.SignInID, GrantID: f.ID},
		})
	}
	return nil
}
