package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
)

type appCommands struct {
	Create     appCreate          `cmd:"" help:"Register an application. Its secrets are shown once."`
	List       appList            `cmd:"" help:"List applications, by ApplicationUri."`
	Show       appShow            `cmd:"" help:"Show one application."`
	Update     appUpdate          `cmd:"" help:"Change an application: flags that are not given change nothing."`
	Enable     appEnable          `cmd:"" help:"Switch an application on."`
	Disable    appDisable         `cmd:"" help:"Switch an application off: both halves stop within five seconds."`
	Delete     appDelete          `cmd:"" help:"Delete an application with its credentials and grants."`
	Roll       appRoll            `cmd:"" help:"Put a new credential in the place of those of one half, which stay good for a while. A secret is shown once."`
	Restore    appRestore         `cmd:"" help:"Bring back an application that was deleted in the last 30 days, switched off, without credentials and grants."`
	Credential credentialCommands `cmd:"" help:"Credentials of an application's two halves."`
}

// appFlags are the attributes of an application. A list replaces the one there
// was.
type appFlags struct {
	Name              *string  `help:"Name shown to people."`
	Type              *string  `help:"confidential, public or none." placeholder:"TYPE"`
	Redirect          []string `help:"Redirect URI; may be repeated. An empty one clears the list." placeholder:"URI" sep:"none"`
	PostLogout        []string `help:"Post-logout redirect URI; may be repeated." placeholder:"URI" sep:"none"`
	BackchannelLogout *string  `help:"Back-channel logout URI: told of the end of a person's sign-in (https, or http on this machine)." placeholder:"URL"`
	Internal          *bool    `help:"Internal users may sign in." negatable:""`
	External          *bool    `help:"External users may sign in." negatable:""`
	SystemUser        *string  `help:"System User that the back end acts as; empty for none." placeholder:"LOGIN"`
	Scope             *string  `help:"The most that either half may be granted: \"read update\", and for people scopes of registered resources."`
	UserScope         *string  `help:"Narrower scope of the front end." placeholder:"SCOPE"`
	ServiceScope      *string  `help:"Narrower scope of the back end." placeholder:"SCOPE"`
	AccessTokens      *string  `help:"Who may have reference tokens (PAT, SAT): none, users or admins." placeholder:"WHO"`
	Device            *bool    `help:"A confidential application may sign people in on devices without a browser; public ones always may." negatable:""`
	FirstParty        *bool    `help:"People are not asked for consent." negatable:""`
	ParOnly           *bool    `help:"Take pushed authorization requests alone (RFC 9126)." negatable:""`
	DpopNonce         *bool    `help:"Want the server's newest nonce in each DPoP proof (RFC 9449 section 8)." negatable:""`
	DpopOnly          *bool    `help:"Issue tokens to clients alone that prove a key (DPoP, RFC 9449)." negatable:""`
	Fapi              *bool    `help:"Hold the application to the FAPI 2.0 Security Profile: pushed requests, bound tokens, public keys and no secrets." negatable:""`
	IDTokenAlg        *string  `help:"What ID tokens are signed with: RS256, ES256 or EdDSA; empty for the usual one." placeholder:"ALG"`
	Resource          *string  `help:"Resource of the application's own that people's tokens can be for (RFC 8707): an absolute URI, the audience of those tokens; empty for none." placeholder:"URI"`
	ResourceScopes    *string  `help:"Scopes of the resource, of which each name is of one resource in the instance: \"visits\"." placeholder:"SCOPE"`
	AcceptsFrom       []string `help:"Application that may ask for tokens for the resource; may be repeated. An empty one clears the list." placeholder:"ID" sep:"none"`
	CompanionOf       *string  `help:"Application that this one is the other half of, as of a cloud API an app on phones is; empty for none." placeholder:"ID"`
	DevicesPage       *string  `help:"Page of the application where people see the devices that keep data for it (https, or http on this machine); empty for none." placeholder:"URL"`
	SecretHash        *string  `help:"ApplicationSecretHash of an ERP.net registration, base64(SHA-256(secret)): one secret, good for both halves. Empty takes it away." placeholder:"BASE64"`
	NoClassicSecret   bool     `help:"Take the ApplicationSecretHash away: each half needs a credential of its own by then."`
	Owner             *string  `help:"Who answers for the application: a login, or an e-mail address; empty for nobody." placeholder:"LOGIN"`
	NoBasic           bool     `help:"End legacy Basic authentication of people through the application, which an import may have brought."`
	Notes             *string  `help:"Notes for administrators."`
}

var clientTypes = map[string]tandem.ClientType{
	"confidential": tandem.ClientConfidential, "public": tandem.ClientPublic, "none": tandem.ClientNone,
}

var accessTokens = map[string]tandem.AccessTokensPolicy{
	"none": tandem.AccessTokensNone, "users": tandem.AccessTokensAuthenticatedUsers, "admins": tandem.AccessTokensAdministratorsOnly,
}

func set[T any](into *T, given *T) {
	if given != nil {
		*into = *given
	}
}

// setList replaces a list by the one given; an empty text in it is left out, so
// that a list can be cleared.
func setList(into *[]string, given []string) {
	if given == nil {
		return
	}
	*into = slices.DeleteFunc(slices.Clone(given), func(s string) bool { return s == "" })
}

// systemUser finds the System User that was named.
func (f *appFlags) systemUser(ctx context.Context, a *platform.Administration) (id string, err error) {
	if f.SystemUser == nil || *f.SystemUser == "" {
		return "", nil
	}
	id, err = a.Apps.SystemUser(ctx, *f.SystemUser)
	if errors.Is(err, tandem.ErrNotFound) {
		return "", fmt.Errorf("there is no user %q for the back end to act as; make it first: tandem user create %[1]s --type system", *f.SystemUser)
	}
	return id, err
}

// apply changes the application as the flags say. systemUserID is that of
// --system-user.
func (f *appFlags) apply(a *tandem.TrustedApp, systemUserID string) error {
	set(&a.Name, f.Name)
	setList(&a.RedirectURIs, f.Redirect)
	setList(&a.PostLogoutRedirectURIs, f.PostLogout)
	set(&a.BackchannelLogoutURI, f.BackchannelLogout)
	set(&a.InternalUsers, f.Internal)
	set(&a.ExternalUsers, f.External)
	set(&a.DeviceFlow, f.Device)
	set(&a.FirstParty, f.FirstParty)
	set(&a.PushedRequestsOnly, f.ParOnly)
	set(&a.BoundTokensOnly, f.DpopOnly)
	set(&a.ProofNonce, f.DpopNonce)
	set(&a.FAPI, f.Fapi)
	set(&a.IDTokenAlgorithm, f.IDTokenAlg)
	set(&a.Resource, f.Resource)
	if f.ResourceScopes != nil {
		a.ResourceScopes = tandem.ParseScope(*f.ResourceScopes)
	}
	setList(&a.AcceptsFrom, f.AcceptsFrom)
	set(&a.CompanionOf, f.CompanionOf)
	set(&a.DevicesURI, f.DevicesPage)
	set(&a.SecretHash, f.SecretHash)
	if f.NoClassicSecret {
		a.SecretHash = ""
	}
	set(&a.Notes, f.Notes)
	set(&a.Owner, f.Owner)
	a.BasicAuthentication = a.BasicAuthentication && !f.NoBasic
	if f.SystemUser != nil {
		a.SystemUserAllowed, a.SystemUserID = systemUserID != "", systemUserID
	}
	for _, s := range []struct {
		given *string
		into  *tandem.Scope
	}{{f.Scope, &a.Scope}, {f.UserScope, &a.UserScope}, {f.ServiceScope, &a.ServiceScope}} {
		if s.given != nil {
			*s.into = tandem.ParseScope(*s.given)
		}
	}
	// An empty narrower scope is none: the flow may have the application's.
	if f.UserScope != nil && len(a.UserScope) == 0 {
		a.UserScope = nil
	}
	if f.ServiceScope != nil && len(a.ServiceScope) == 0 {
		a.ServiceScope = nil
	}
	if f.AccessTokens != nil {
		policy, ok := accessTokens[strings.ToLower(*f.AccessTokens)]
		if !ok {
			return usage("--access-tokens %q: use none, users or admins", *f.AccessTokens)
		}
		a.AccessTokens = policy
	}
	if f.Type != nil {
		t, ok := clientTypes[strings.ToLower(*f.Type)]
		if !ok {
			return usage("--type %q: use confidential, public or none", *f.Type)
		}
		a.ClientType = t
	}
	return nil
}

type appCreate struct {
	administering
	output
	URI string `name:"uri" help:"ApplicationUri, the client_id: com.acme/portal." required:"" placeholder:"ID"`
	appFlags
	SecretsTo string `help:"Folder to write the secrets to, as user.secret and service.secret, instead of showing them." placeholder:"DIR"`
}

// Run registers an application.
func (c *appCreate) Run(ctx context.Context, r *run) error {
	app := tandem.TrustedApp{ApplicationURI: c.URI, Enabled: true, ClientType: tandem.ClientConfidential}
	if err := c.apply(&app, ""); err != nil {
		return err
	}
	return c.administer(ctx, r, true, func(a *platform.Administration) error {
		id, err := c.systemUser(ctx, a)
		if err != nil {
			return err
		}
		if err := c.apply(&app, id); err != nil {
			return err
		}
		if c.SecretsTo != "" {
			if err := makeFolder(c.SecretsTo); err != nil {
				return err
			}
		}
		made, secrets, err := a.Apps.Create(ctx, operator(), app)
		if err != nil {
			return err
		}
		row, err := appRowOf(ctx, a, made)
		if err != nil {
			return err
		}
		if row.SystemUser == "" && made.ClientType == tandem.ClientConfidential {
			fmt.Fprintf(r.stderr, "tandem: %s has no System User, so its back end gets no tokens yet: "+
				"tandem user create svc.NAME --type system, then tandem app update %[1]s --system-user svc.NAME\n", row.ApplicationURI)
		}
		if c.SecretsTo == "" {
			row.UserSecret, row.ServiceSecret = secrets.User, secrets.Service
		} else if err := writeSecrets(c.SecretsTo, secrets); err != nil {
			return err
		}
		return showOne(r.stdout, c.output, row, []field{
			{"application_uri", row.ApplicationURI}, {"user_secret", row.UserSecret}, {"service_secret", row.ServiceSecret},
		})
	})
}

// writeSecrets writes the secrets that there are, for this user alone.
func writeSecrets(dir string, secrets registry.Secrets) error {
	for name, secret := range map[string]string{"user.secret": secrets.User, "service.secret": secrets.Service} {
		if secret == "" {
			continue
		}
		if err := writeFile(filepath.Join(dir, name), []byte(secret+"\n"), 0o600); err != nil {
			return fmt.Errorf("%w; make a new secret with tandem app credential add", err)
		}
	}
	return nil
}

type appList struct {
	administering
	listing
	Text       string `arg:"" optional:"" help:"Only applications with this in the ApplicationUri or the name." placeholder:"TEXT"`
	Type       string `help:"Only applications of a type: confidential, public or none." placeholder:"TYPE"`
	SystemUser string `help:"Only those whose back end acts as a System User." placeholder:"LOGIN"`
	Disabled   bool   `help:"Only applications that are switched off."`
	Trash      bool   `help:"Those that were deleted in the last 30 days, and can be restored."`
}

// Run lists applications.
func (c *appList) Run(ctx context.Context, r *run) error {
	f := registry.Filter{Text: c.Text, ClientType: clientTypes[c.Type], Disabled: c.Disabled, Trash: c.Trash}
	if c.Type != "" && f.ClientType == "" {
		return usage("--type %q: use confidential, public or none", c.Type)
	}
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.SystemUser != "" {
			u, err := a.Accounts.Show(ctx, c.SystemUser)
			if err != nil {
				return err
			}
			f.SystemUserID = u.ID
		}
		return showRows(r.stdout, c.listing, a.Apps.List(ctx, f), func(app registry.ListedApp) appRow {
			row := newAppRow(app.TrustedApp, app.SystemUser)
			if !app.DeletedAt.IsZero() {
				row.DeletedAt = &stamp{app.DeletedAt}
			}
			return row
		}, c.columns())
	})
}

func (c *appList) columns() []column[appRow] {
	all := []column[appRow]{
		{"application_uri", func(a appRow) string { return a.ApplicationURI }},
		{"name", func(a appRow) string { return a.Name }},
		{"type", func(a appRow) string { return string(a.ClientType) }},
		{"enabled", func(a appRow) string { return yes(a.Enabled) }},
		{"system_user", func(a appRow) string { return a.SystemUser }},
		{"scope", func(a appRow) string { return a.Scope }},
		{"owner", func(a appRow) string { return a.Owner }},
	}
	if c.Trash {
		all = append(all, column[appRow]{"deleted", func(a appRow) string { return a.DeletedAt.String() }}, column[appRow]{"id", func(a appRow) string { return a.ID }})
	}
	return all
}

type appShow struct {
	administering
	output
	ID string `arg:"" help:"ApplicationUri."`
}

// Run shows one application.
func (c *appShow) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		app, err := a.Apps.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		return showApp(ctx, r, a, c.output, app)
	})
}

func showApp(ctx context.Context, r *run, a *platform.Administration, o output, app tandem.TrustedApp) error {
	row, err := appRowOf(ctx, a, app)
	if err != nil {
		return err
	}
	return showOne(r.stdout, o, row, row.fields())
}

type appUpdate struct {
	administering
	output
	ID string `arg:"" help:"ApplicationUri."`
	appFlags
}

// Run changes an application.
func (c *appUpdate) Run(ctx context.Context, r *run) error {
	if reflect.ValueOf(c.appFlags).IsZero() {
		return usage("nothing to change: say what, such as --name TEXT; tandem app update --help lists it")
	}
	if err := c.apply(&tandem.TrustedApp{}, ""); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		id, err := c.systemUser(ctx, a)
		if err != nil {
			return err
		}
		app, err := a.Apps.Update(ctx, operator(), c.ID, func(app *tandem.TrustedApp) error { return c.apply(app, id) })
		if err != nil {
			return err
		}
		return showApp(ctx, r, a, c.output, app)
	})
}

// appSwitch is a command that names an application and says what it did.
type appSwitch struct {
	administering
	ID string `arg:"" help:"ApplicationUri."`
}

func (c *appSwitch) do(ctx context.Context, r *run, did string, f func(a *platform.Administration) error) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := f(a); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s %s\n", did, c.ID)
		return err
	})
}

type appEnable struct{ appSwitch }

// Run switches an application on.
func (c *appEnable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, "enabled", func(a *platform.Administration) error { return a.Apps.Enable(ctx, operator(), c.ID) })
}

type appDisable struct{ appSwitch }

// Run switches an application off.
func (c *appDisable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, "disabled", func(a *platform.Administration) error { return a.Apps.Disable(ctx, operator(), c.ID) })
}

type appDelete struct{ appSwitch }

// Run deletes an application.
func (c *appDelete) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, "deleted", func(a *platform.Administration) error { return a.Apps.Delete(ctx, operator(), c.ID) })
}

type appRestore struct {
	administering
	output
	ID string `arg:"" help:"ApplicationUri of the one that was deleted last, or the id that app list --trash shows."`
}

// Run brings a deleted application back.
func (c *appRestore) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		app, err := a.Apps.Restore(ctx, operator(), c.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.stderr, "tandem: %s is switched off and has no credentials: tandem app credential add %[1]s --flow user|service, then tandem app enable %[1]s\n",
			app.ApplicationURI)
		return showApp(ctx, r, a, c.output, app)
	})
}
