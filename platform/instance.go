package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/usage"
)

// Instance is one replica of an instance: identity server, domain API and
// discovery on one handler, with its administration.
type Instance struct {
	*Administration
	Registry *registry.Registry
	// Issuer is the identity server's URL, ODataRoot that of the domain API,
	// with a slash at its end.
	Issuer, ODataRoot string
	// ID is the database's, the claim db of every token.
	ID string

	config   InstanceConfig
	replica  string // names this process among others
	identity *identity.Handler
	signIn   *signin.Handler
	minter   *token.Minter
	metrics  *metrics
	rows     *data.ERP
	access   *api.Access
	anchor   *sealing.AnchorFile // nil for none
	uses     usage.Meter
	// writingUses is held by who writes uses down, and guards peaked: until when the peaks
	// of the slots are known.
	writingUses sync.Mutex
	peaked      time.Time
	writable    *sqldb.Writable
	lost        lostKeys
	handler     http.Handler
}

// NewInstance builds an instance and loads what it needs to answer. Leave
// [Instance.Run] running while its handler is used, and Close it at the end;
// [Serve] does both.
func NewInstance(ctx context.Context, c InstanceConfig) (*Instance, error) {
	c.defaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.URL, _ = RootURL(c.URL) // has been checked
	c.Audit.defaults()
	s, err := openStores(ctx, &c.StoreConfig)
	if err != nil {
		return nil, err
	}
	i, err := newInstance(ctx, c, s)
	if err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	i.record(ctx)
	if err := i.beginAnchor(ctx); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	i.tellRestored(ctx)
	return i, nil
}

// tellRestored says how old the data is that the instance was restored from.
func (i *Instance) tellRestored(ctx context.Context) {
	r, err := data.NewInstance(i.DB).Restored(ctx)
	switch {
	case err != nil:
		i.config.Log.Warn("it is not known whether the instance was restored", "error", err)
	case !r.Restored.IsZero():
		i.config.Log.Info("the instance was restored from a backup", "restored", r.Restored, "backup", r.Backup,
			"age_then", r.Restored.Sub(r.Backup).Round(time.Second).String())
	}
}

// newInstance builds an instance that nothing runs in yet.
func newInstance(ctx context.Context, c InstanceConfig, s *stores) (*Instance, error) {
	facts := data.NewInstance(s.db.Identity)
	id, err := facts.ID(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the instance's id: %w", err)
	}
	if err := reserveNames(ctx, facts, &c); err != nil {
		return nil, err
	}
	live := &registry.Registry{
		Changes: data.NewChanges(s.db.Identity), Users: s.users, Permissions: s.permissions, References: s.references, Outside: erpModel().Outside(), Log: c.Log, Clock: c.Clock,
	}
	sessions := &session.Manager{
		Store: s.sessions, Auditor: s.audit, Refusals: s.refusals, Log: c.Log, Clock: c.Clock,
		Licence: c.Licence, Idle: c.Idle, ServiceAbsolute: c.ServiceAbsolute,
		Allowed: func(ctx context.Context, s *tandem.Session) (bool, error) { return sessionAllowed(ctx, live, s) },
		AllowedBy: func() any {
			if live.Ready() != nil {
				return nil
			}
			return live.Marks()
		},
	}
	i := &Instance{
		Administration: newAdministration(c.StoreConfig, s, follower{live}, sessions),
		Registry:       live,
		Issuer:         c.URL + oauth.PathIssuer,
		ODataRoot:      c.URL + api.DomainPath,
		ID:             id,
		config:         c,
		replica:        replicaName(),
		writable:       facts.Writable(),
	}
	i.Keys.AccessAlgorithm, i.Keys.RotateEvery = c.AccessTokens.Algorithm, c.RotateKeys
	s.signIns.Idle = c.Lifetimes.ForIdle()
	sessions.Opened = i.countSession
	if err := i.learn(ctx); err != nil {
		return nil, err
	}
	load, loadCtx := errgroup.WithContext(ctx)
	load.Go(func() error { return i.LoadKeys(loadCtx) })
	load.Go(func() error { return live.Refresh(loadCtx) })
	if err := load.Wait(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	i.mountIdentity(mux, i.revoked)
	if err := i.signIn.Mount(mux); err != nil {
		return nil, err
	}
	if err := i.mountProfile(mux); err != nil {
		return nil, err
	}
	i.mountAPI(mux)
	i.metrics = newMetrics(i)
	i.mountHealth(mux)
	shared := shareAcrossOrigins(live.AllowsOrigin, mux)
	i.handler = securityHeaders(c.URL, observed(c.Log, i.metrics.observe, shared))
	return i, nil
}

// reserveNames keeps what the instance's own tokens are from and for out of the reach of
// those who register something (invariant I7). What was registered before such an address
// became the instance's is refused at the issue: the instance's own meaning goes first.
func reserveNames(ctx context.Context, facts *data.Instance, c *InstanceConfig) error {
	issuer, root := c.URL+oauth.PathIssuer, c.URL+api.DomainPath
	taken, err := facts.ReserveNames(ctx, token.AudienceDomainAPI, issuer, token.ResourcesAudience(issuer), root, strings.TrimSuffix(root, "/"))
	if len(taken) > 0 {
		c.Log.Warn("a name of this instance is registered as a resource or an application: no token is issued for it; give that another name", "names", taken)
	}
	return err
}

// mountIdentity wires the identity server.
func (i *Instance) mountIdentity(mux *http.ServeMux, revoked followedRevocations) {
	c := &i.config
	minter := &token.Minter{
		Issuer: i.Issuer, Keys: i.Keys, Database: i.ID, Format: c.AccessTokens.Format, PlainType: c.AccessTokens.Type == oauth.TypeJWT, Lifetimes: c.Lifetimes,
		Picture: identity.PictureURL(c.URL), Clock: c.Clock,
	}
	i.minter = minter
	// Userinfo and /profile/me take tokens that are meant for the identity
	// server; external users have no others (invariant I5).
	verifier := &token.Verifier{Issuer: i.Issuer, Keys: i.Keys, Audience: token.ResourcesAudience(i.Issuer), Clock: c.Clock}
	codes := &token.Codes{Store: followedCodes{data.NewCodes(i.DB), revoked.follower}, Lifetimes: c.Lifetimes, Clock: c.Clock}
	devices := &token.Devices{Store: data.NewDevices(i.DB), Key: i.boxes.userCodes, Lifetimes: c.Lifetimes, Clock: c.Clock}
	assertions := data.NewAssertions(i.DB)
	// At the issuer all replicas remember a proof together; the rest is read often, and
	// a proof is good for one request there.
	issuing, using := i.proofs(assertions.UseAssertion), i.proofs(new(dpop.Recent).First)
	i.identity = &identity.Handler{
		Issuer: i.Issuer, API: i.ODataRoot, Registry: i.Registry, Users: i.users, Keys: i.Keys, Minter: minter, Verifier: verifier,
		Codes: codes, Families: i.Families, Devices: devices, Assertions: assertions, Proofs: issuing, Failures: data.NewClientFailures(i.DB), ClientFailures: c.ClientFailures,
		Revocations: revoked, References: i.References, SignIns: data.NewSignInGrants(i.DB), Consents: i.consents, Uses: i.applications, Used: &i.uses, Audit: i.audit, Refusals: i.refusals,
		Log: c.Log, Clock: c.Clock,
	}
	i.identity.Mount(mux)
	mux.Handle(oauth.PathUserinfo, &identity.Userinfo{Tokens: verifier, Registry: i.Registry, Proofs: using, URL: c.URL, Refusals: i.refusals, Log: c.Log})
	passwords := i.passwords
	if c.PasswordConcurrency > 0 {
		passwords = signin.NewPasswords(c.Passwords, c.PasswordConcurrency)
	}
	i.signIn = &signin.Handler{
		Issuer: i.Issuer, API: i.ODataRoot, Applications: i.Registry, Users: i.users, SignIns: i.signIns, Consents: i.consents, Passwords: passwords,
		Attempts: data.NewThrottle(i.DB), Lifetimes: c.Lifetimes, Throttling: c.Throttling, Codes: codes, Devices: devices, IDTokens: minter, Pushed: data.NewPushedRequests(i.DB), Used: &i.uses, Hints: verifier, Ending: i.Ending,
		Factors: i.secondFactors(),
		Audit:   i.audit, Refusals: i.refusals, Box: i.boxes.signIn, Log: c.Log, Clock: c.Clock,
	}
	i.signIn.Links = i.Outside
	i.signIn.Outside = &federation.RelyingParty{Store: i.outside, Box: i.boxes.outside, Root: c.URL, Network: c.Providers, Clock: c.Clock}
	i.identity.Pushed = i.signIn
	(&identity.ProfileMe{
		Tokens: verifier, Registry: i.Registry, Proofs: using, People: i.signIn, Pictures: i.pictures, Database: i.ID, URL: c.URL, Refusals: i.refusals, Log: c.Log,
	}).Mount(mux)
	i.signIn.Accounts = i.Accounts
	if c.Mail.URL != "" {
		post := &mails{i}
		i.Accounts.Notifier, i.Outside.Tell, i.References.Tell = post, post.linked, post.tokenMade
	}
}

// proofs checks DPoP proofs, and remembers them there.
func (i *Instance) proofs(seen dpop.Seen) *dpop.Server {
	return &dpop.Server{Base: i.config.URL, Seen: seen, Nonces: &dpop.Nonces{Key: i.boxes.nonces}, Now: i.config.Clock.Now}
}

// mountAPI wires the domain API and the discovery of the instance.
func (i *Instance) mountAPI(mux *http.ServeMux) {
	c := &i.config
	model := erpModel()
	i.rows = i.erpStore(model)
	i.rows.Limit(c.Queries)
	i.access = &api.Access{
		Verifier: &token.Verifier{Issuer: i.Issuer, Keys: i.Keys, Audience: token.AudienceDomainAPI, Clock: c.Clock},
		Proofs:   i.proofs(new(dpop.Recent).First),
		Demands: func(uri string) dpop.Demands {
			if app, ok := i.Registry.App(uri); ok {
				return identity.ProofDemands(app)
			}
			return dpop.Demands{}
		},
		Metadata:      oauth.ResourceMetadataURL(i.ODataRoot),
		KeyGeneration: i.Keys.Generation, References: i.Registry, Checker: i.Registry, Sessions: i.Sessions, Rights: i.Registry.Rights,
		Narrow: i.Registry.Narrow, Person: i.personType, Uses: &permission.Meter{}, Auditor: i.audit, Refusals: i.refusals,
		Log: c.Log, Clock: c.Clock,
	}
	(&api.Domain{
		Model: model.Model, Store: i.rows, Access: i.access, Root: c.URL, Version: c.Version, Log: c.Log,
		Sessions: func(ctx context.Context) ([]tandem.Session, error) { return i.Sessions.List(ctx) },
		Usage: func(ctx context.Context) (api.LicenceUsage, error) {
			u, err := i.Sessions.Usage(ctx)
			return api.LicenceUsage{Slots: u.Slots, InUse: u.InUse, Users: u.User, Services: u.Service}, err
		},
		LastProof: i.LastProof, PersonOf: i.rows.PersonOf, Zone: i.zone(),
	}).Mount(mux)
	api.NewReference(model).Mount(mux)
	(&api.Discovery{
		Root: c.URL, Name: i.ID, Version: c.Version, Ready: i.Ready,
		Sites: append([]api.Site{api.IDSite(c.URL), api.DomainAPISite(c.URL), api.UserProfileSite(c.URL)}, c.Sites...),
	}).Mount(mux)
}

// zone is the company's time zone, nil for UTC. Its name has been checked.
func (i *Instance) zone() *time.Location {
	if at, err := time.LoadLocation(i.config.TimeZone); err == nil && at != time.UTC {
		return at
	}
	return nil
}

// sessionAllowed says whether application and account of an open session still
// may use it. With an error that cannot be decided: sessions stay, as their calls are
// refused anyway.
func sessionAllowed(ctx context.Context, live *registry.Registry, s *tandem.Session) (bool, error) {
	if err := live.Ready(); err != nil {
		return false, err
	}
	app, ok := live.App(s.ApplicationURI)
	if !ok || !app.Enabled {
		return false, nil
	}
	if s.Kind == tandem.SessionReference {
		switch err := live.MayReference(ctx, s.Key); tandem.ErrorCode(err) {
		case tandem.CodeUnauthorized:
			return false, nil
		case tandem.CodeUnavailable, tandem.CodeInternal:
			return false, err
		}
		return true, nil
	}
	u, err := live.User(ctx, s.UserID)
	switch {
	case errors.Is(err, tandem.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case s.Kind == tandem.SessionService:
		return u.Enabled && app.SystemUserAllowed && app.SystemUserID == u.ID, nil
	}
	// A call may have opened it again, at a replica that had not heard yet.
	return u.Enabled && u.Type == tandem.InternalUser && app.AllowsUserType(u.Type) && !live.SignInEnded(s.Key), nil
}

// Handler answers everything of the instance.
func (i *Instance) Handler() http.Handler { return i.handler }

// Run keeps the instance in step with its database until ctx ends, then writes
// back what is in memory only.
func (i *Instance) Run(ctx context.Context) error {
	g := errgroup.Group{}
	g.Go(func() error { return ended(ctx, i.Registry.Run(ctx)) })
	g.Go(func() error { return ended(ctx, i.Keys.Run(ctx)) })
	g.Go(func() error { return ended(ctx, i.identity.Run(ctx)) })
	g.Go(func() error { i.Sessions.Run(ctx); return nil })
	g.Go(func() error { i.tellRefusals(ctx); return nil })
	g.Go(func() error { i.keepUses(ctx); return nil })
	g.Go(func() error { i.keepReferenceUses(ctx); return nil })
	g.Go(func() error { i.followUsers(ctx); return nil })
	g.Go(func() error { i.indexSearch(ctx); return nil })
	g.Go(func() error { i.housekeep(ctx); return nil })
	g.Go(func() error { i.keepMailing(ctx); return nil })
	g.Go(func() error { i.keepAuditing(ctx); return nil })
	g.Go(func() error { i.keepTelling(ctx); return nil })
	g.Go(func() error { i.sealRecord(ctx); return nil })
	g.Go(func() error { i.verifyRecord(ctx); return nil })
	g.Go(func() error { i.anchorRecord(ctx); return nil })
	return g.Wait()
}

// ended leaves out the error that only says that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Refresh does at once what Run does every second or two: read what has changed
// in the database. A test that moves its clock calls it.
func (i *Instance) Refresh(ctx context.Context) error {
	return errors.Join(i.Registry.Refresh(ctx), i.Keys.Refresh(ctx), i.Sessions.Sync(ctx), i.rows.FollowUsers(ctx, i.users), i.rows.FollowKeys(ctx, i.permissions))
}
