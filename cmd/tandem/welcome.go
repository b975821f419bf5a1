package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

// welcome says where everything is and what to try. Passwords are shown to a
// person at a terminal only: anything else may be a log (invariant I13).
func (s *system) welcome(f demoFile, first bool, took time.Duration) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	start := "Started"
	if first {
		start = "Started for the first time"
	}
	line("")
	line("%s in %.1f s.", start, took.Seconds())
	line("")
	line("  Web app      %s", f.WebApp)
	line("  Instance     %s", f.Instance)
	line("  Domain API   %s", f.OData)
	line("  Worker       %s (for the web app only)", f.Worker)
	if s.TLSDev {
		line("  Trust        %s, the authority of these certificates: browsers warn until they do", devCAFile(s.Data))
	}
	line("")
	show := s.stdout == os.Stdout && isTerminal(os.Stdout)
	for _, u := range f.Users {
		password := u.Password
		switch {
		case password == "":
			password = "(as you have set it)"
		case !show:
			password = "(in " + demoFileName + ")"
		}
		line("  Sign in as   %-6s %-22s %s", u.Login, password, kindOf(u))
	}
	data := s.dataFlag()
	line("")
	line("Try")
	line("  1. Open the web app, sign in as anna, and press \"Sync stock now\". The page \"Two halves\" shows both tokens at work.")
	line("  2. Sign in as paul in a private window: he sees the orders of his company only, and takes no licence slot.")
	line("  3. Sign in as maria: under \"To approve\" waits an order of anna's that is too large for one person, and one that maria entered herself.")
	line("  4. Call the API as a script does, with the token of anna's in %s:", demoFileName)
	line("     curl -H 'X-Api-Key: enrt_…' '%sGeneral_Products_Products?$top=3'", f.OData)
	line("  5. tandem session list%s shows who holds a slot; "+
		"tandem app disable com.example/portal%s stops both halves, enable brings them back.", data, data)
	line("")
	line("All of this is in %s. Ctrl-C ends everything.", filepath.Join(s.Data, demoFileName))
	line("")
	fmt.Fprint(s.stdout, b.String())
}

func kindOf(u demoer) string {
	switch {
	case u.Admin:
		return "administrator"
	case u.Type == tandem.ExternalCommunityUser:
		return "external user, a customer"
	case platform.DemoJobs[u.Login] != "":
		return platform.DemoJobs[u.Login]
	}
	return "internal user"
}

// dataFlag is what commands need to find this data.
func (s *system) dataFlag() string {
	if usual, err := filepath.Abs("tandem-data"); err == nil && usual == s.Data {
		return ""
	}
	return " --data " + s.Data
}
