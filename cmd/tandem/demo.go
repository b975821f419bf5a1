package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hybridapps/tandem/platform"
)

type demoCommands struct {
	Add demoAdd `cmd:"" help:"Register an example application in the demo of a data folder, and make its demo rows."`
}

type demoAdd struct {
	administering
	What string `arg:"" enum:"field,prices" help:"The example: field (examples/field) or prices (examples/prices)."`
	URL  string `name:"url" help:"Public root of its pages; by default http://127.0.0.1:8093 for field, and http://localhost:8091 for prices." placeholder:"URL"`
}

// demoExample registers an example at a root, notes in the file what it has registered,
// and says what it did.
type demoExample func(c *demoAdd, ctx context.Context, r *run, a *platform.Administration, root string, f *demoFile) (did string, err error)

// demoExamples are the examples, and where each is by default.
var demoExamples = map[string]struct {
	url string
	add demoExample
}{
	"field":  {"http://127.0.0.1:8093", (*demoAdd).field},
	"prices": {"http://localhost:8091", (*demoAdd).prices},
}

// Run registers the example. What is there already stays as it is.
func (c *demoAdd) Run(ctx context.Context, r *run) error {
	example := demoExamples[c.What]
	if c.URL == "" {
		c.URL = example.url
	}
	root, err := platform.RootURL(c.URL)
	if err != nil {
		return usage("--url: %w", err)
	}
	file := filepath.Join(r.Data, demoFileName)
	f, err := readDemoFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s: examples are added to a demo; run tandem up first", file)
	}
	if err != nil {
		return err
	}
	did := ""
	err = c.administer(ctx, r, false, func(a *platform.Administration) error {
		did, err = example.add(c, ctx, r, a, root, &f)
		return err
	})
	if err != nil {
		return err
	}
	if err := writeDemoFile(r.Data, f); err != nil {
		return err
	}
	_, err = fmt.Fprint(r.stdout, did)
	return err
}

// known is what the file knows of the demo.
func (f *demoFile) known() platform.DemoConfig {
	return platform.DemoConfig{Passwords: f.passwords(), UserSecret: f.portal().UserSecret, ServiceSecret: f.portal().ServiceSecret, Others: f.secrets()}
}

func (c *demoAdd) prices(ctx context.Context, r *run, a *platform.Administration, root string, f *demoFile) (string, error) {
	app, list, err := a.AddPrices(ctx, root, f.known())
	if err != nil {
		return "", err
	}
	f.put(demoAppOf(app))
	sample := filepath.Join(r.Data, "prices", "sample", "prices.csv")
	err = errors.Join(os.MkdirAll(filepath.Dir(sample), 0o700), writeFile(sample, []byte(list), 0o600))
	return fmt.Sprintf("%s is registered; %s holds its secrets, and %s is a price list to try it with\n",
		platform.DemoPrices, filepath.Join(r.Data, demoFileName), sample), err
}

func (c *demoAdd) field(ctx context.Context, r *run, a *platform.Administration, root string, f *demoFile) (string, error) {
	made, err := a.AddField(ctx, root, f.known())
	if err != nil {
		return "", err
	}
	cloud, phone := &made.Cloud, &made.Phone
	f.put(demoAppOf(*cloud))
	f.put(demoApp{ApplicationURI: phone.ApplicationURI, ClientType: phone.ClientType, RedirectURIs: phone.RedirectURIs, Scope: phone.Scope.String()})
	visits := fmt.Sprintf("made %d visits of today", made.Visits)
	if made.Visits == 0 {
		visits = "there are visits of today already"
	}
	return fmt.Sprintf("%s is registered: it owns %s, acts as %s, and %s holds its secret\n"+
		"%s may ask for tokens for that, with the scope %s, and for nothing else; both are halves of one app\n"+
		"%s; sign in as tom or nina at %s once it runs: go run ./examples/field\n",
		cloud.ApplicationURI, cloud.Resource, cloud.SystemUser, filepath.Join(r.Data, demoFileName), phone.ApplicationURI, phone.Scope, visits, root), nil
}

// put adds an application, or replaces it.
func (f *demoFile) put(app demoApp) {
	at := slices.IndexFunc(f.Applications, func(a demoApp) bool { return a.ApplicationURI == app.ApplicationURI })
	if at < 0 {
		f.Applications = append(f.Applications, app)
		return
	}
	f.Applications[at] = app
}

// portal is the demo's own application.
func (f *demoFile) portal() demoApp {
	for _, a := range f.Applications {
		if a.ApplicationURI == platform.DemoPortal {
			return a
		}
	}
	return demoApp{}
}
