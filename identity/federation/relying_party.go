package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/seal"
)

// What is waited for a provider: people look at a page meanwhile.
const (
	beginWithin  = 6 * time.Second
	finishWithin = 12 * time.Second
	// keepMetadata is how long discovery document and keys are used before they are
	// fetched again; keys that are not known are looked for at once.
	keepMetadata = time.Hour
)

// RelyingParty is this server at outside providers. All fields but Network and Clock are
// required.
type RelyingParty struct {
	Store Store
	// Box opens the secrets.
	Box *seal.Box
	// Root is the URL of this instance, without a slash at its end.
	Root    string
	Network Network
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	once    sync.Once
	http    *http.Client
	mu      sync.Mutex
	known   map[string]*discovered
	loading singleflight.Group
}

// discovered is what is known of a provider.
type discovered struct {
	issuer   string
	at       time.Time
	provider *oidc.Provider
	oauth.Metadata
}

// Enabled are the providers that people may sign in through, by name.
func (rp *RelyingParty) Enabled(ctx context.Context) ([]Provider, error) {
	all, err := rp.Store.Providers(ctx)
	return slices.DeleteFunc(all, func(p Provider) bool { return !p.Enabled }), err
}

// Find is the enabled provider with the id. That there is none is a [tandem.Error] by
// [tandem.RuleOutsideUnknown].
func (rp *RelyingParty) Find(ctx context.Context, id string) (Provider, error) {
	if tandem.HasControl(id) || !utf8.ValidString(id) {
		id = "" // which none has
	}
	p, err := rp.Store.Provider(ctx, id)
	if errors.Is(err, tandem.ErrNotFound) || err == nil && !p.Enabled {
		return Provider{}, tandem.Errorf(tandem.CodeNotFound, "the outside provider %q is not known, or it is switched off", tandem.Clip(id, shown)).
			By(tandem.RuleOutsideUnknown)
	}
	return p, err
}

// Ask is what a provider is asked for beside who it is.
type Ask struct {
	State string
	// Prompt are words of the parameter prompt. MaxAge is how long ago the person may have
	// proved who they are; nil for any time.
	Prompt    []string
	MaxAge    *time.Duration
	LoginHint string
	// Locales is ui_locales.
	Locales string
}

// Begun is a sign-in that was begun: where the browser goes, and what the answer will be
// checked by. Nonce and Verifier are for this server and the browser alone.
type Begun struct {
	URL             string
	Nonce, Verifier string
}

// Begin makes the authorization request. An error by [tandem.RuleOutsideUnreachable] says
// that the provider cannot be reached, or says of itself what cannot be.
func (rp *RelyingParty) Begin(ctx context.Context, p *Provider, ask Ask) (Begun, error) {
	ctx, cancel := context.WithTimeout(ctx, beginWithin)
	defer cancel()
	d, err := rp.discovered(ctx, p)
	if err != nil {
		return Begun{}, err
	}
	config, err := rp.config(p, d)
	if err != nil {
		return Begun{}, err
	}
	b := Begun{Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	add := func(name, value string) {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	add("prompt", strings.Join(ask.Prompt, " "))
	add("login_hint", ask.LoginHint)
	add("ui_locales", ask.Locales)
	if ask.MaxAge != nil {
		add("max_age", strconv.FormatInt(int64(*ask.MaxAge/time.Second), 10))
	}
	b.URL = config.AuthCodeURL(ask.State, options...)
	return b, nil
}

// config is the client of this server at the provider.
func (rp *RelyingParty) config(p *Provider, d *discovered) (*oauth2.Config, error) {
	text, err := secret(rp.Box, p)
	if err != nil {
		return nil, err
	}
	style := oauth2.AuthStyleInHeader
	basic, post := slices.Contains(d.TokenAuthMethods, oauth.AuthSecretBasic), slices.Contains(d.TokenAuthMethods, oauth.AuthSecretPost)
	if text == "" || post && !basic {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: text, RedirectURL: rp.Root + CallbackPath(p.ID), Scopes: p.Scope,
		Endpoint: oauth2.Endpoint{AuthURL: d.AuthorizationEndpoint, TokenURL: d.TokenEndpoint, AuthStyle: style},
	}, nil
}

// discovered fetches the discovery document; those who come together wait for the same
// answer.
func (rp *RelyingParty) discovered(ctx context.Context, p *Provider) (*discovered, error) {
	rp.mu.Lock()
	have := rp.known[p.ID]
	rp.mu.Unlock()
	now := rp.Clock.Now()
	if have != nil && have.issuer == p.Issuer && now.Sub(have.at).Abs() < keepMetadata {
		return have, nil
	}
	asked := rp.loading.DoChan(p.ID+" "+p.Issuer, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beginWithin)
		defer cancel()
		return rp.discover(ctx, p.Issuer)
	})
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case got := <-asked:
		if err = got.Err; err == nil {
			d := got.Val.(*discovered)
			rp.mu.Lock()
			if rp.known == nil {
				rp.known = map[string]*discovered{}
			}
			rp.known[p.ID] = d
			rp.mu.Unlock()
			return d, nil
		}
	}
	if have != nil && have.issuer == p.Issuer {
		return have, nil // its endpoints are hardly others; if it is away, that shows
	}
	return nil, unreachable(p, "cannot be discovered", err)
}

func unreachable(p *Provider, how string, cause error) error {
	return tandem.Errorf(tandem.CodeUnavailable, "the outside provider %s %s: %s", p.ID, how, tandem.Clip(cause.Error(), 300)).By(tandem.RuleOutsideUnreachable)
}

func (rp *RelyingParty) discover(ctx context.Context, issuer string) (*discovered, error) {
	d := &discovered{issuer: issuer, at: rp.Clock.Now()}
	var err error
	if d.provider, err = oidc.NewProvider(rp.outward(ctx), issuer); err != nil {
		return nil, err
	}
	if err := d.provider.Claims(&d.Metadata); err != nil {
		return nil, err
	}
	return d, d.check()
}

// check refuses endpoints to which no secret may go: http ones, and those on this machine
// of a provider that is not.
func (d *discovered) check() error {
	own, err := netaddr.SecureURL(d.issuer)
	if err != nil {
		return err
	}
	if d.AuthorizationEndpoint == "" || d.TokenEndpoint == "" || d.JWKSURI == "" {
		return errors.New("its discovery document lacks authorization_endpoint, token_endpoint or jwks_uri")
	}
	for name, address := range map[string]string{
		"authorization_endpoint": d.AuthorizationEndpoint, "token_endpoint": d.TokenEndpoint, "jwks_uri": d.JWKSURI, "userinfo_endpoint": d.UserinfoEndpoint,
	} {
		if address == "" {
			continue
		}
		u, err := netaddr.SecureURL(address)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case netaddr.IsLoopback(u.Hostname()) && !netaddr.IsLoopback(own.Hostname()):
			return fmt.Errorf("%s is on this machine, and the issuer is not", name)
		}
	}
	return nil
}

// SignOutAt is where the person can sign out at the provider, too; empty where it does not
// say, or is not known now.
func (rp *RelyingParty) SignOutAt(id string) string {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if d := rp.known[id]; d != nil {
		if u, err := netaddr.SecureURL(d.EndSessionEndpoint); err == nil {
			return u.String()
		}
	}
	return ""
}

// Origin is the origin of an authorization request.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
