package platform_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestBoundTokensAlone: an application that has tokens alone that are bound to a key has no
// reference tokens, which are bound to none. Those that it had stop at once.
func TestBoundTokensAlone(t *testing.T) {
	t.Parallel()
	for flag, set := range map[string]func(a *tandem.TrustedApp){
		"fapi": func(a *tandem.TrustedApp) { a.FAPI = true }, "dpop-only": func(a *tandem.TrustedApp) { a.BoundTokensOnly = true },
	} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, engine sqldb.Engine) {
				d := newDeciding(t, tandemtest.Options{Engine: engine})
				update := func(change func(a *tandem.TrustedApp)) error {
					_, err := d.Platform.Apps.Update(t.Context(), tandemtest.By, tandemtest.Portal, func(a *tandem.TrustedApp) error { change(a); return nil })
					d.Refresh()
					return err
				}
				refuses := func(what string, err error) {
					t.Helper()
					if tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), "bound") {
						t.Errorf("%s: %v", what, err)
					}
				}
				must(t, update(func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensAuthenticatedUsers }))
				tokens := map[tandem.ReferenceKind]string{}
				for kind, login := range map[tandem.ReferenceKind]string{tandem.ReferencePAT: "anna", tandem.ReferenceSAT: ""} {
					_, text, err := d.Platform.References.Create(t.Context(), tandemtest.By, registry.NewReference{
						Kind: kind, Login: login, ApplicationURI: tandemtest.Portal, Scope: tandem.Scope{"read"}, ExpiresAt: d.Clock.Now().Add(time.Hour),
					})
					must(t, err)
					if status, body := d.API("GET", "GetVersion()", text, ""); status != http.StatusOK {
						t.Fatalf("%s: %d %s", kind, status, body)
					}
					tokens[kind] = text
				}
				refuses("the flag beside reference tokens", update(set))
				must(t, update(func(a *tandem.TrustedApp) { set(a); a.AccessTokens = tandem.AccessTokensNone }))
				refuses("reference tokens beside the flag", update(func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensAdministratorsOnly }))
				app := d.hybrid("com.example/new")
				app.AccessTokens = tandem.AccessTokensAuthenticatedUsers
				set(&app)
				_, _, err := d.Platform.Apps.Create(t.Context(), tandemtest.By, app)
				refuses("a new application with both", err)
				_, _, err = d.Platform.References.Create(t.Context(), tandemtest.By, registry.NewReference{
					Kind: tandem.ReferenceSAT, ApplicationURI: tandemtest.Portal, Scope: tandem.Scope{"read"}, ExpiresAt: d.Clock.Now().Add(time.Hour),
				})
				refuses("a new token", err)
				stopped := func(when string) {
					t.Helper()
					for kind, text := range tokens {
						if status, body := d.API("GET", "GetVersion()", text, ""); status != http.StatusUnauthorized || !strings.Contains(body, "does not admit reference tokens") {
							t.Errorf("%s, a %s: %d %s", when, kind, status, body)
						}
					}
				}
				stopped("switched on")
				// A row of before there was this rule has both: it can be changed, and its tokens do nothing.
				_, err = d.Platform.DB.Writer().ExecContext(t.Context(), `UPDATE applications SET access_tokens = $1 WHERE application_uri = $2`,
					string(tandem.AccessTokensAuthenticatedUsers), tandemtest.Portal)
				must(t, err)
				must(t, update(func(a *tandem.TrustedApp) { a.Name = "Another name" }))
				stopped("of before")
			})
		})
	}
}
