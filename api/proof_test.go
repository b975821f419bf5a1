package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/permission"
)

// What was found is for all who may read, what was sent and answered for administrators.
func TestTheLastProofAndWhoSeesIt(t *testing.T) {
	t.Parallel()
	h := serve(t, &fake{})
	want := `{"@odata.context":"` + domainRoot + `$metadata#Erp.OpenObject","Id":"run","At":"2026-11-29T12:00:00Z",` +
		`"Issuer":"https://erp.example/id","ApplicationURI":"com.example/portal","Holds":1,"Fails":0,"NotTested":0,"Digest":"ab","KeyID":"cd",` +
		`"Rows":[{"ID":"I1","Title":"one","Meaning":"what","Verdict":"holds","Why":""}]}`
	for _, token := range []string{"read", "read+person"} {
		if r, text := call(t, h, "GET", "GetLastProof", "", "Authorization: Bearer "+token); r.StatusCode != 200 || strings.TrimSpace(text) != want {
			t.Errorf("with %s: %d %s", token, r.StatusCode, text)
		}
		r, text := call(t, h, "GET", "GetLastProofReport", "", "Authorization: Bearer "+token)
		refused(t, r, text, 403, "for administrators")
	}
	r, text := call(t, h, "GET", "GetLastProof", "", "Authorization: Bearer update")
	refused(t, r, text, 403, "scope")
	r, text = call(t, h, "GET", "GetLastProofReport", "", "Authorization: Bearer read+admin")
	if r.StatusCode != 200 || text != "{\"payload\": 1}\n" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the report: %d %s %q", r.StatusCode, r.Header.Get("Content-Type"), text)
	}
}

// Nobody learns of a proof who is granted nothing, and where none was run there is none.
func TestNoProofIsShown(t *testing.T) {
	t.Parallel()
	serve := func(rights *permission.Rights, last func(context.Context) (tandem.Proof, error)) http.Handler {
		mux := http.NewServeMux()
		(&api.Domain{
			Model: erpModel.Model, Store: &fake{}, Root: "https://erp.example", LastProof: last,
			Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Auditor: doors{},
				Rights: func(context.Context, *tandem.Principal) (*permission.Rights, error) { return rights, nil }},
		}).Mount(mux)
		return mux
	}
	r, text := call(t, serve(permission.None(), someProof), "GET", "GetLastProof", "")
	refused(t, r, text, 403, "no right to read GetLastProof")
	all := permission.ByPlatform().Rights
	none := func(context.Context) (tandem.Proof, error) {
		return tandem.Proof{}, tandem.Errorf(tandem.CodeNotFound, "no proof yet")
	}
	r, text = call(t, serve(all, none), "GET", "GetLastProof", "")
	refused(t, r, text, 404, "no proof yet")
	r, text = call(t, serve(all, none), "GET", "GetLastProofReport", "", "Authorization: Bearer read+admin")
	refused(t, r, text, 404, "no proof yet")
	h := serve(all, nil)
	for _, path := range []string{"GetLastProof", "GetLastProofReport"} {
		if r, _ := call(t, h, "GET", path, ""); r.StatusCode != 404 {
			t.Errorf("without a source %s is there: %s", path, r.Status)
		}
	}
	if _, text := call(t, h, "GET", "$metadata", ""); strings.Contains(text, "GetLastProof") {
		t.Error("the metadata list what is not there")
	}
}
