package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/prove"
)

// ofFlags is a provider that is told with flags.
func (c *proveRun) ofFlags() (config prove.Config, err error) {
	if c.Disturb {
		return config, usage("--disturb administers the system: use it with --data and without --issuer")
	}
	config = prove.Config{
		Issuer: c.Issuer, Application: c.ApplicationURI, ServiceApplication: c.ServiceApplicationURI, PublicApplication: c.PublicApplicationURI,
		RedirectURI: c.Redirect, PostLogout: c.PostLogout, OData: c.OData,
	}
	if config.OData != "" && !strings.HasSuffix(config.OData, "/") {
		config.OData += "/"
	}
	config.Person.Login, config.External.Login = c.SignIn, c.ExternalSignIn
	for _, secret := range []struct {
		flag, file string
		to         *string
		needed     bool
	}{
		{"--user-credential-file", c.UserCredentialFile, &config.UserSecret, true},
		{"--service-credential-file", c.ServiceCredentialFile, &config.ServiceSecret, true},
		{"--password-file", c.PasswordFile, &config.Person.Password, !c.ByHand},
		{"--external-password-file", c.ExternalPasswordFile, &config.External.Password, c.ExternalSignIn != ""},
	} {
		if secret.file == "" && !secret.needed {
			continue
		}
		if *secret.to, err = oneLine(secret.flag, secret.file); err != nil {
			return config, err
		}
	}
	return config, nil
}

// oneLine reads a secret from a file.
func oneLine(flag, file string) (string, error) {
	if file == "" {
		return "", usage("%s is missing", flag)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	secret := strings.TrimSpace(string(text))
	if strings.HasPrefix(flag, "--user-credential") || strings.HasPrefix(flag, "--service-credential") {
		if strings.HasPrefix(secret, "{") || strings.HasPrefix(secret, "-----BEGIN") {
			return secret, nil // a private key, which has several lines
		}
	}
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s: %s must hold one secret, on one line", flag, file)
	}
	return secret, nil
}

// ofDemo is the system of the data folder, which is looked into, too.
func (c *proveRun) ofDemo(ctx context.Context, r *run) (config prove.Config, done func() error, err error) {
	done = func() error { return nil }
	if r.Data, err = filepath.Abs(r.Data); err != nil {
		return config, done, err
	}
	file, err := readDemoFile(filepath.Join(r.Data, demoFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return config, done, fmt.Errorf("there is no %s in %s: start `tandem up` on it, or name a provider with --issuer", demoFileName, r.Data)
	}
	if err != nil {
		return config, done, err
	}
	if config, err = c.demoConfig(&file); err != nil {
		return config, done, err
	}
	if _, err := os.Stat(devCAFile(r.Data)); err == nil && c.CAFile == "" && strings.HasPrefix(file.Issuer, "https:") {
		c.CAFile = devCAFile(r.Data)
	}
	if c.DB == "" && c.DBFile == "" && strings.HasPrefix(file.DB, "sqlite:") {
		c.DB = file.DB
	}
	where, err := c.config(r, r.logger(r.stderr, slog.LevelWarn), false)
	if err != nil {
		return config, done, err
	}
	metrics, err := client.Transport(c.CAFile)
	if err != nil {
		return config, done, fmt.Errorf("--ca-file: %w", err)
	}
	a, err := platform.OpenAdministration(ctx, where)
	if err != nil {
		return config, done, err
	}
	config.Inside = &platform.Insight{
		Administration: a, By: operator(), Dir: r.Data, Secrets: platform.DemoSecrets{User: config.UserSecret, Service: config.ServiceSecret},
		Metrics: []string{file.Instance + "/metrics"}, Client: &http.Client{Transport: metrics, Timeout: prove.MaxAnswer},
	}
	return config, a.Close, nil
}

// demoConfig is what the demo file says. By hand it is the starter's application: on the
// portal's redirect URI the web app listens.
func (c *proveRun) demoConfig(file *demoFile) (config prove.Config, err error) {
	usual := platform.DemoPortal
	if c.ByHand {
		usual = platform.DemoStarter
	}
	app := file.app(cmp.Or(c.ApplicationURI, usual))
	if app.UserSecret == "" || app.ServiceSecret == "" || len(app.RedirectURIs) == 0 {
		return config, usage("--application-uri: the demo file has no application %q with both flows", cmp.Or(c.ApplicationURI, usual))
	}
	config = prove.Config{
		Issuer: file.Issuer, Application: app.ApplicationURI, UserSecret: app.UserSecret, ServiceSecret: app.ServiceSecret,
		RedirectURI: app.RedirectURIs[0], PublicApplication: platform.DemoField, OData: file.OData,
		Person: file.person("anna"), External: file.person("paul"), Privileged: platform.DemoIntegration, PrivilegedSecret: file.app(platform.DemoIntegration).ServiceSecret,
	}
	if len(app.PostLogoutRedirectURIs) > 0 {
		config.PostLogout = app.PostLogoutRedirectURIs[0]
	}
	return config, nil
}

func (f *demoFile) app(uri string) demoApp {
	for _, a := range f.Applications {
		if a.ApplicationURI == uri {
			return a
		}
	}
	return demoApp{}
}

// person is who signs in with a password that the file knows; nobody where it is
// somebody's own.
func (f *demoFile) person(login string) prove.Person {
	if password := f.passwords()[login]; password != "" {
		return prove.Person{Login: login, Password: password}
	}
	return prove.Person{}
}
