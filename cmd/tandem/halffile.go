package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hybridapps/tandem/platform"
)

// halfFile is half.json in a half's own folder: what up started the half with,
// so that it can be started by hand on the same data without saying it again.
// It holds no secret, and nothing of the other half but where it listens.
type halfFile struct {
	Issuer         string `json:"issuer"`
	ApplicationURI string `json:"application_uri"`
	// Worker is set for the web app.
	Worker string `json:"worker,omitempty"`
}

const halfFileName = "half.json"

func (h halfFile) write(dir string) error {
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, halfFileName), append(text, '\n'), 0o600)
}

// fromDemo fills in the flags that were not given.
func (f *halfFlags) fromDemo(dir string) error {
	file := filepath.Join(dir, halfFileName)
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if err := json.Unmarshal(text, &f.demo); err != nil {
			return fmt.Errorf("%s cannot be read: %w; delete it and give --issuer", file, err)
		}
	}
	f.Issuer = cmp.Or(f.Issuer, f.demo.Issuer, "http://localhost:8080/id")
	f.ApplicationURI = cmp.Or(f.ApplicationURI, f.demo.ApplicationURI, platform.DemoPortal)
	return nil
}
