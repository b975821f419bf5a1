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
	Credential credentialCommands `cmd:"" help:"Credentials of an application's two halves."`
}

// appFlags are the attributes of an application. A list replaces the one there
// was.
type appFlags struct {
	Name              *string  `help:"Name shown to people."`
	Type              *string  `help:"confidential, public or none." placeholder:"TYPE"`
	Redirect          []string `help:"Redirect URI; may be repeated. An empty one clears the list." placeholder:"URI" sep:"none"`
	PostLogout        []string `help:"Post-logout redirect URI; may be repeated." placeholder:"URI" sep:"none"`
	BackchannelLogout *string  `help:"Back-channel logout URI." placeholder:"URL"`
	Internal          *bool    `help:"Internal users may sign in." negatable:""`
	External          *bool    `help:"External users may sign in." negatable:""`
	SystemUser        *string  `help:"System User that the back end acts as; empty for none." placeholder:"LOGIN"`
	Scope             *string  `help:"The most that either half may be granted: \"read update\"."`
	UserScope         *string  `help:"Narrower scope of the front end." placeholder:"SCOPE"`
	ServiceScope      *string  `help:"Narrower scope of the back end." placeholder:"SCOPE"`
	FirstParty        *bool    `help:"People are not asked for consent." negatable:""`
	SecretHash        *string  `help:"ApplicationSecretHash of an ERP.net registration, base64(SHA-256(secret)): one secret, good for both halves. Empty takes it away." placeholder:"BASE64"`
	Notes             *string  `help:"Notes for administrators."`
}

var clientTypes = map[string]tandem.ClientType{
	"confidential": tandem.ClientConfidential, "public": tandem.ClientPublic, "none": tandem.ClientNone,
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
	set(&a.FirstParty, f.FirstParty)
	set(&a.SecretHash, f.SecretHash)
	set(&a.Notes, f.Notes)
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
		made, secrets, err := a.Apps.Create(ctx, actor(), app)
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
}

// Run lists applications.
func (c *appList) Run(ctx context.Context, r *run) error {
	f := registry.Filter{Text: c.Text, ClientType: clientTypes[c.Type], Disabled: c.Disabled}
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
			return newAppRow(app.TrustedApp, app.SystemUser)
		}, []column[appRow]{
			{"application_uri", func(a appRow) string { return a.ApplicationURI }},
			{"name", func(a appRow) string { return a.Name }},
			{"type", func(a appRow) string { return string(a.ClientType) }},
			{"enabled", func(a appRow) string { return yes(a.Enabled) }},
			{"system_user", func(a appRow) string { return a.SystemUser }},
			{"scope", func(a appRow) string { return a.Scope }},
		})
	})
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
		app, err := a.Apps.Update(ctx, actor(), c.ID, func(app *tandem.TrustedApp) error { return c.apply(app, id) })
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
	return c.do(ctx, r, "enabled", func(a *platform.Administration) error { return a.Apps.Enable(ctx, actor(), c.ID) })
}

type appDisable struct{ appSwitch }

// Run switches an application off.
func (c *appDisable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, "disabled", func(a *platform.Administration) error { return a.Apps.Disable(ctx, actor(), c.ID) })
}

type appDelete struct{ appSwitch }

// Run deletes an application.
func (c *appDelete) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, "deleted", func(a *platform.Administration) error { return a.Apps.Delete(ctx, actor(), c.ID) })
}
