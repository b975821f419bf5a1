// Package settings finds what the examples need to know: in the environment, or
// in the demo.json of a "tandem up" that runs beside them.
package settings

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/hybridapps/tandem/client"
)

// Starter is the application of the demo that the examples run with. It is
// registered with the address [Listen].
const (
	Starter = "com.example/starter"
	Listen  = "localhost:8090"
)

// Address is where an example with pages listens: [Listen], or what TANDEM_LISTEN
// says. Its paths /signin-callback and /signout-callback have to be registered.
func Address() string { return cmp.Or(os.Getenv("TANDEM_LISTEN"), Listen) }

// Settings are what a program has to be told.
type Settings struct {
	Issuer, ApplicationURI string
	// User and Service are the credentials of the two halves; User stays a
	// public client where the environment names no file.
	User    client.UserCredential
	Service client.ServiceCredential
}

// Read takes the settings from TANDEM_ISSUER, TANDEM_APPLICATION_URI,
// TANDEM_USER_CREDENTIAL_FILE and TANDEM_SERVICE_CREDENTIAL_FILE. Without an
// issuer it reads the demo's, from the file in TANDEM_DEMO or
// tandem-data/demo.json.
func Read() (Settings, error) {
	s := Settings{Issuer: os.Getenv("TANDEM_ISSUER"), ApplicationURI: os.Getenv("TANDEM_APPLICATION_URI")}
	if s.Issuer == "" {
		return readDemo()
	}
	var err1, err2 error
	if file := os.Getenv("TANDEM_USER_CREDENTIAL_FILE"); file != "" {
		s.User, err1 = client.ReadUserCredential(file)
	}
	if file := os.Getenv("TANDEM_SERVICE_CREDENTIAL_FILE"); file != "" {
		s.Service, err2 = client.ReadServiceCredential(file)
	}
	return s, errors.Join(err1, err2)
}

func readDemo() (Settings, error) {
	a, err := ReadApplication(Starter)
	return Settings{a.Issuer, Starter, client.UserSecret(a.UserSecret), client.ServiceSecret(a.ServiceSecret)}, err
}

// Application is an application of the demo, with the secrets of its two halves: for
// a program that starts both, and gives each its own.
type Application struct {
	Issuer        string `json:"-"`
	URI           string `json:"application_uri"`
	UserSecret    string `json:"user_secret"`
	ServiceSecret string `json:"service_secret"`
}

// ReadApplication reads an application from the demo's file, which is the one in
// TANDEM_DEMO or tandem-data/demo.json.
func ReadApplication(uri string) (Application, error) {
	file := os.Getenv("TANDEM_DEMO")
	if file == "" {
		file = "tandem-data/demo.json"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Application{}, fmt.Errorf("%w; run \"tandem up\" beside, in the same folder, or set TANDEM_ISSUER", err)
	}
	var demo struct {
		Issuer       string
		Applications []Application
	}
	if err := json.Unmarshal(text, &demo); err != nil {
		return Application{}, fmt.Errorf("%s: %w", file, err)
	}
	for _, a := range demo.Applications {
		if a.URI == uri {
			a.Issuer = demo.Issuer
			return a, nil
		}
	}
	return Application{}, fmt.Errorf("%s has no application %s: start \"tandem up\" of this version once more", file, uri)
}
