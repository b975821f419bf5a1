package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
)

// demoFile is demo.json. That it exists means that everything answers.
type demoFile struct {
	Instance     string      `json:"instance"`
	Issuer       string      `json:"issuer"`
	OData        string      `json:"odata"`
	WebApp       string      `json:"webapp"`
	Worker       string      `json:"worker"`
	DB           string      `json:"db"`
	Applications []demoApp   `json:"applications"`
	Users        []demoer    `json:"users"`
	Tokens       []demoToken `json:"tokens"`
}

type demoApp struct {
	ApplicationURI         string            `json:"application_uri"`
	ClientType             tandem.ClientType `json:"client_type"`
	UserSecret             string            `json:"user_secret,omitempty"`
	ServiceSecret          string            `json:"service_secret,omitempty"`
	RedirectURIs           []string          `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string          `json:"post_logout_redirect_uris,omitempty"`
	Scope                  string            `json:"scope"`
	SystemUser             string            `json:"system_user,omitempty"`
}

type demoer struct {
	Login    string          `json:"login"`
	Password string          `json:"password"`
	Type     tandem.UserType `json:"user_type"`
	Admin    bool            `json:"is_admin"`
}

// demoToken is a reference token, ready to be sent.
type demoToken struct {
	Kind           tandem.ReferenceKind `json:"kind"`
	User           string               `json:"user"`
	ApplicationURI string               `json:"application_uri"`
	Scope          string               `json:"scope"`
	ExpiresAt      stamp                `json:"expires_at"`
	Token          string               `json:"token"`
}

const demoFileName, retiredFileName = "demo.json", ".demo.json"

// passwords are those of the file, by login.
func (f *demoFile) passwords() map[string]string {
	known := make(map[string]string, len(f.Users))
	for _, u := range f.Users {
		known[u.Login] = u.Password
	}
	return known
}

// secrets are those of the file, by application.
func (f *demoFile) secrets() map[string]platform.DemoSecrets {
	known := make(map[string]platform.DemoSecrets, len(f.Applications))
	for _, a := range f.Applications {
		known[a.ApplicationURI] = platform.DemoSecrets{User: a.UserSecret, Service: a.ServiceSecret}
	}
	return known
}

// tokens are the reference tokens of the file, by their kind.
func (f *demoFile) tokens() map[tandem.ReferenceKind]string {
	known := make(map[tandem.ReferenceKind]string, len(f.Tokens))
	for _, t := range f.Tokens {
		known[t.Kind] = t.Token
	}
	return known
}

// readDemoFile reads a demo's file.
func readDemoFile(file string) (f demoFile, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	return f, err
}

// retireDemoFile takes demo.json away, because nothing answers yet, and returns
// what it said. Until a new one is written it is kept beside, hidden: a start
// that fails half way must not lose the passwords.
func retireDemoFile(dir string) (demoFile, error) {
	retired := filepath.Join(dir, retiredFileName)
	err := os.Rename(filepath.Join(dir, demoFileName), retired)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return demoFile{}, fmt.Errorf("demo file: %w", err)
	}
	f, err := readDemoFile(retired)
	if err != nil {
		return demoFile{}, nil // new passwords are made
	}
	return f, nil
}

// writeDemoFile writes demo.json, for this user alone.
func writeDemoFile(dir string, f demoFile) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, demoFileName), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("demo file: %w", err)
	}
	err = os.Remove(filepath.Join(dir, retiredFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// demoFile is what is true of the running system.
func (s *system) demoFile(config platform.StoreConfig, d *platform.Demo) demoFile {
	f := demoFile{
		Instance: s.instance.url, Issuer: s.instance.url + oauth.PathIssuer, OData: s.instance.url + api.DomainPath,
		WebApp: s.webapp.url, Worker: s.worker.url, DB: masked(config.DB),
		Applications: []demoApp{
			{
				ApplicationURI: d.Portal.ApplicationURI, ClientType: d.Portal.ClientType, UserSecret: d.UserSecret,
				ServiceSecret: d.ServiceSecret, RedirectURIs: d.Portal.RedirectURIs,
				PostLogoutRedirectURIs: d.Portal.PostLogoutRedirectURIs, Scope: d.Portal.Scope.String(), SystemUser: platform.DemoSystemUser,
			},
			{
				ApplicationURI: d.Field.ApplicationURI, ClientType: d.Field.ClientType,
				RedirectURIs: d.Field.RedirectURIs, Scope: d.Field.Scope.String(),
			},
		},
	}
	for _, o := range d.Others {
		f.Applications = append(f.Applications, demoAppOf(o))
	}
	for _, u := range d.Users {
		f.Users = append(f.Users, demoer{u.Login, u.Password, u.Type, u.Admin})
	}
	for _, t := range d.Tokens {
		f.Tokens = append(f.Tokens, demoToken{t.Kind, t.User, t.ApplicationURI, t.Scope.String(), stamp{t.ExpiresAt}, t.Text})
	}
	return f
}

func demoAppOf(o platform.DemoApp) demoApp {
	return demoApp{
		ApplicationURI: o.ApplicationURI, ClientType: o.ClientType, UserSecret: o.Secrets.User, ServiceSecret: o.Secrets.Service,
		RedirectURIs: o.RedirectURIs, PostLogoutRedirectURIs: o.PostLogoutRedirectURIs, Scope: o.Scope.String(), SystemUser: o.SystemUser,
	}
}

// lockFolder keeps a second `tandem up` away from the data folder.
func lockFolder(dir string) (unlock func(), err error) {
	name := filepath.Join(dir, "up.lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w; choose another with --data", err)
	}
	if err := tryLock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("tandem up runs already on %s: end it first, or choose another folder with --data", strings.TrimSuffix(dir, "/"))
	}
	return func() { f.Close() }, nil
}
