package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/permission"
)

func TestLicenceUsageIsForAllWhoMayRead(t *testing.T) {
	t.Parallel()
	h := serve(t, &fake{})
	want := `{"@odata.context":"` + domainRoot + `$metadata#Erp.OpenObject","Slots":25,"InUse":2,"Users":1,"Services":1}`
	for _, token := range []string{"read", "read+person"} {
		for _, path := range []string{"GetLicenceUsage", "GetLicenceUsage()"} {
			if r, text := call(t, h, "GET", path, "", "Authorization: Bearer "+token); r.StatusCode != 200 || text != want {
				t.Errorf("%s with %s: %d %s", path, token, r.StatusCode, text)
			}
		}
	}
	r, text := call(t, h, "GET", "GetLicenceUsage", "", "Authorization: Bearer update")
	refused(t, r, text, 403, "scope")
	r, text = call(t, h, "POST", "GetLicenceUsage", "{}")
	refused(t, r, text, 405, "GET")
}

// TestE5_TheLicenceIsNotForAccountsWithoutGroups: the figures are not for accounts that are
// granted nothing.
func TestE5_TheLicenceIsNotForAccountsWithoutGroups(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	rights := permission.None()
	(&api.Domain{
		Model: erpModel.Model, Store: &fake{}, Root: "https://erp.example",
		Usage: func(context.Context) (api.LicenceUsage, error) { return api.LicenceUsage{}, nil },
		Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Auditor: doors{},
			Rights: func(context.Context, *tandem.Principal) (*permission.Rights, error) { return rights, nil }},
	}).Mount(mux)
	r, text := call(t, mux, "GET", "GetLicenceUsage", "")
	refused(t, r, text, 403, "no right to read GetLicenceUsage")
	rights = someRights(map[string]permission.Right{"General_Currencies_Currencies": permission.Read})
	if r, text := call(t, mux, "GET", "GetLicenceUsage", ""); r.StatusCode != 200 {
		t.Errorf("with a right: %d %s", r.StatusCode, text)
	}
}

func TestLicenceUsageWithoutItsSource(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	serve := func(usage func(context.Context) (api.LicenceUsage, error)) http.Handler {
		mux := http.NewServeMux()
		(&api.Domain{
			Model: erpModel.Model, Store: &fake{}, Root: "https://erp.example", Log: quiet, Usage: usage,
			Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: doors{}.Rights, Auditor: doors{}, Log: quiet},
		}).Mount(mux)
		return mux
	}
	h := serve(nil)
	if r, _ := call(t, h, "GET", "GetLicenceUsage", ""); r.StatusCode != 404 {
		t.Errorf("without a source: %s", r.Status)
	}
	for _, path := range []string{"", "$metadata"} {
		if _, text := call(t, h, "GET", path, ""); strings.Contains(text, "GetLicenceUsage") {
			t.Errorf("%q lists what is not there", path)
		}
	}
	broken := serve(func(context.Context) (api.LicenceUsage, error) { return api.LicenceUsage{}, errors.New("no database") })
	r, text := call(t, broken, "GET", "GetLicenceUsage", "")
	refused(t, r, text, 500, "")
	if strings.Contains(text, "database") {
		t.Error(text)
	}
}
