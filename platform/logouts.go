package platform

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
)

// LogoutSchedule says where applications may be that are told of the end of a sign-in
// (OpenID Connect Back-Channel Logout).
type LogoutSchedule struct {
	// Networks are private ones that the hosts of their back-channel logout URIs may be in.
	// An address of a private network or of a link is refused otherwise, and one of this
	// machine where the URI does not name it.
	Networks []netip.Prefix
	// Roots are the authorities that their certificates may be of; nil means the system's.
	Roots *x509.CertPool
}

// Bounds of what applications are told.
const (
	// logoutEvery is how often a replica looks for what is to be told.
	logoutEvery = time.Second
	// logoutTimeout bounds one try.
	logoutTimeout = 5 * time.Second
	logoutAnswer  = 4 << 10 // bytes that are read of it
	// logoutLease is for how long a replica has what it took: another goes on then.
	logoutLease = time.Minute
	// logoutsOfEach are taken of one application at a time, and logoutsAtOnce of all.
	logoutsOfEach = 4
	logoutsAtOnce = 32
	// logoutsFor is for how long an application is tried: longer than its sessions last.
	logoutsFor = 12 * time.Hour
)

// logoutWaits are the times between tries; the last one goes on.
var logoutWaits = []time.Duration{
	5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
}

// keepTelling tells applications of the end of sign-ins, until ctx ends. Every replica does:
// what one has taken no other has.
func (i *Instance) keepTelling(ctx context.Context) {
	tick := time.NewTicker(logoutEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := i.TellLogouts(ctx); err != nil && ctx.Err() == nil {
			i.config.Log.Warn("what applications are to be told of ended sign-ins cannot be read or written now", "error", err)
		}
	}
}

// TellLogouts does at once what Run does every second: it tells applications of the sign-ins
// that have ended, as far as it is time for them.
func (i *Instance) TellLogouts(ctx context.Context) error {
	store := data.NewDeliveries(i.DB)
	for {
		now := i.config.Clock.Now()
		due, err := store.Claim(ctx, data.DeliveryLogout, now, now.Add(logoutLease), logoutsOfEach, logoutsAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		of := map[string][]data.Delivery{}
		for _, d := range due {
			of[d.Target] = append(of[d.Target], d)
		}
		var all errgroup.Group
		for target, some := range of {
			all.Go(func() error { return i.tell(ctx, store, target, some) })
		}
		if err := all.Wait(); err != nil {
			return err
		}
	}
}

// tell tells one application of some sign-ins, one after the other. When it does not take
// one, the others wait too: it is asked for all of them again later.
func (i *Instance) tell(ctx context.Context, store *data.Deliveries, target string, due []data.Delivery) error {
	app, err := i.applications.ByID(ctx, target)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	for n := range due {
		d := &due[n]
		switch {
		case app.BackchannelLogoutURI == "":
			d.State, d.LastError = data.DeliveryFailed, "the application has no back-channel logout URI any more"
		case i.config.Clock.Now().Sub(d.CreatedAt) > logoutsFor:
			if err := i.untold(ctx, &app, d); err != nil {
				return err
			}
		default:
			if err := i.tryLogout(ctx, &app, d); err != nil {
				return err
			}
		}
		if err := store.Tried(ctx, d); err != nil {
			return err
		}
		if d.State == data.DeliveryWaiting {
			return store.Postpone(ctx, due[n:], i.config.Clock.Now(), d.NextAt)
		}
	}
	return nil
}

// tryLogout makes one try, and writes down what came of it. Its error is not the
// application's fault.
func (i *Instance) tryLogout(ctx context.Context, app *tandem.TrustedApp, d *data.Delivery) error {
	d.Tries++
	d.TriedAt = i.config.Clock.Now()
	minted, err := i.logoutToken(ctx, app, d)
	if err != nil {
		return err
	}
	_, signInID := d.EndedSignIn()
	failed := i.sendLogout(ctx, app.BackchannelLogoutURI, minted.JWT)
	if failed == nil {
		d.State, d.LastError = data.DeliveryDone, ""
		return i.audit.Record(ctx, tandem.AuditEvent{
			At: d.TriedAt, Kind: tandem.AuditLogoutTold, ApplicationURI: app.ApplicationURI, Flow: tandem.FlowUser, SignInID: signInID, TokenID: minted.ID,
			Detail: fmt.Sprintf("the application was told of the end of the sign-in, at try %d", d.Tries),
		})
	}
	if ctx.Err() != nil {
		return ctx.Err() // the lease ends, and another tries
	}
	d.LastError = tandem.Clip(failed.Error(), 300)
	d.NextAt = i.config.Clock.Now().Add(logoutWaits[min(d.Tries, len(logoutWaits))-1])
	i.config.Log.WarnContext(ctx, "an application was not told of a sign-out", "application_uri", app.ApplicationURI, "try", d.Tries, "error", failed)
	return nil
}

// untold gives up.
func (i *Instance) untold(ctx context.Context, app *tandem.TrustedApp, d *data.Delivery) error {
	_, signInID := d.EndedSignIn()
	d.State = data.DeliveryFailed
	if d.LastError == "" {
		d.LastError = "its turn never came"
	}
	if d.TriedAt.IsZero() {
		d.TriedAt = i.config.Clock.Now()
	}
	return i.audit.Record(ctx, tandem.AuditEvent{
		At: i.config.Clock.Now(), Kind: tandem.AuditLogoutUntold, ApplicationURI: app.ApplicationURI, Flow: tandem.FlowUser, SignInID: signInID,
		Detail: fmt.Sprintf("the application could not be told of the end of the sign-in for %d hours: %s", int(logoutsFor.Hours()), d.LastError),
	})
}

// logoutToken makes the token of one try. Of an account that was deleted meanwhile it names
// the sign-in alone.
func (i *Instance) logoutToken(ctx context.Context, app *tandem.TrustedApp, d *data.Delivery) (token.Minted, error) {
	userID, signInID := d.EndedSignIn()
	u, err := i.users.UserByID(ctx, userID)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return token.Minted{}, err
	}
	if strings.HasPrefix(u.Login, "#") {
		u.Login = ""
	}
	return i.minter.Logout(token.LogoutToken{
		ApplicationURI: app.ApplicationURI, Subject: u.Login, SignInID: signInID, Algorithm: registry.NewApp(*app).IDTokenAlgorithm,
	})
}

// sendLogout posts a logout token (Back-Channel Logout section 2.5).
func (i *Instance) sendLogout(ctx context.Context, to, logoutToken string) error {
	ctx, cancel := context.WithTimeout(ctx, logoutTimeout)
	defer cancel()
	body := url.Values{"logout_token": {logoutToken}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Tandem")
	return door{networks: i.config.Logouts.Networks, roots: i.config.Logouts.Roots, flag: "--backchannel-network", timeout: logoutTimeout, answer: logoutAnswer}.send(req)
}

// Told is how the last delivery of a sign-out to an application went.
type Told struct {
	At time.Time
	// Error is why the application did not take it; empty where it did.
	Error string
	Tries int
}

// LastTold is how an application was last told of a sign-out; [tandem.ErrNotFound] where it
// never was.
func (a *Administration) LastTold(ctx context.Context, applicationID string) (Told, error) {
	d, err := data.NewDeliveries(a.DB).Last(ctx, data.DeliveryLogout, applicationID)
	return Told{d.TriedAt, d.LastError, d.Tries}, err
}
