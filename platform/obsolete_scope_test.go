package platform_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestObsoleteScopeOfPeople: who signs in by an application that asks for DomainApi does so
// on record, whichever way it asked, and the audit finds the application (APP-20).
func TestObsoleteScopeOfPeople(t *testing.T) {
	t.Parallel()
	for way, signIn := range map[string]func(d *deciding) string{
		"authorize": func(d *deciding) string {
			d.Browser().Authorize("anna", tandemtest.Password, "openid", "DomainApi", "read")
			return tandemtest.Portal
		},
		"pushed": func(d *deciding) string {
			_, _, body := d.post(oauth.PathPushed, form("response_type", "code", "redirect_uri", tandemtest.RedirectURI, "scope", "openid DomainApi read",
				"client_id", tandemtest.Portal, "client_secret", d.UserSecret))
			d.Browser().SignIn(d.URL+oauth.PathAuthorize+"?"+form("client_id", tandemtest.Portal, "request_uri", between(body, `"request_uri":"`, `"`)).Encode(), "anna", tandemtest.Password)
			return tandemtest.Portal
		},
		"device": func(d *deciding) string {
			_, _, body := d.post(oauth.PathDeviceAuthorization, form("client_id", tandemtest.Field, "scope", "openid DomainApi read"))
			b := d.Browser()
			b.Submit(b.SignIn(d.URL+oauth.PathDevice+"?user_code="+between(body, `"user_code":"`, `"`), "anna", tandemtest.Password), url.Values{"allow": {"1"}})
			return tandemtest.Field
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, engine sqldb.Engine) {
				d := newDeciding(t, tandemtest.Options{Engine: engine})
				application := signIn(d)
				issued := d.Record(tandem.AuditCodeIssued)
				if len(issued) != 1 {
					t.Fatalf("%d codes", len(issued))
				}
				f, err := tandem.ParseFacts(issued[0].Facts)
				must(t, err)
				if fmt.Sprint(f.Dropped) != fmt.Sprint([]tandem.Dropped{{Scope: tandem.ScopeDomainAPI, Rule: tandem.RuleScopeObsolete}}) {
					t.Errorf("on record: %+v", f)
				}
				must(t, d.Platform.WriteUses(t.Context()))
				report, err := d.Platform.RunAudit(t.Context(), platform.AuditOptions{Rules: ruleOf(t, "APP-20")})
				must(t, err)
				if len(report.Findings) != 1 || report.Findings[0].Subject.Name != application {
					t.Errorf("the audit: %+v", report.Findings)
				}
			})
		})
	}
}
