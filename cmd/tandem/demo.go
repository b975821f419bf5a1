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
	What string `arg:"" enum:"prices" help:"The example: prices (examples/prices)."`
	URL  string `name:"url" help:"Public root of its pages." default:"http://localhost:8091" placeholder:"URL"`
}

// Run registers the example. What is there already stays as it is.
func (c *demoAdd) Run(ctx context.Context, r *run) error {
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
	list, sample := "", filepath.Join(r.Data, "prices", "sample", "prices.csv")
	err = c.administer(ctx, r, false, func(a *platform.Administration) error {
		app, made, err := a.AddPrices(ctx, root, platform.DemoConfig{Passwords: f.passwords(), UserSecret: f.portal().UserSecret,
			ServiceSecret: f.portal().ServiceSecret, Others: f.secrets()})
		list = made
		f.put(demoAppOf(app))
		return err
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(sample), 0o700); err != nil {
		return err
	}
	if err := errors.Join(writeFile(sample, []byte(list), 0o600), writeDemoFile(r.Data, f)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "%s is registered; %s holds its secrets, and %s is a price list to try it with\n",
		platform.DemoPrices, file, sample)
	return err
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
