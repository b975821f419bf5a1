package platform_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestDemoField: the field app is registered once, its back end holds what its work needs,
// each day that it is added again has visits, and nothing of it is a high finding.
func TestDemoField(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		ctx := t.Context()
		clock := &tandemtest.Clock{}
		a := administrationAt(t, engine, clock.Now)
		d, err := a.EnsureDemo(ctx, platform.DemoConfig{WebApp: "http://localhost:8081"})
		must(t, err)
		if slices.ContainsFunc(d.Others, func(o platform.DemoApp) bool { return o.ApplicationURI == platform.DemoFieldCloud }) {
			t.Error("the field cloud is there before anybody has asked for it")
		}
		known := platform.DemoConfig{UserSecret: d.UserSecret, ServiceSecret: d.ServiceSecret, Others: map[string]platform.DemoSecrets{}}
		add := func(root string) platform.FieldDemo {
			t.Helper()
			made, err := a.AddField(ctx, root, known)
			must(t, err)
			known.Others[platform.DemoFieldCloud] = made.Cloud.Secrets
			return made
		}
		visits := func() int {
			m := erp.NewModel()
			n, err := data.NewERP(a.ERP, m).Count(ctx, &query.Query{Set: m.Set("Applications_Service_ServiceActivities"), By: permission.ByPlatform().Rights})
			must(t, err)
			return int(n)
		}
		before := visits()
		first := add("http://127.0.0.1:8093")
		again := add("http://127.0.0.1:8093")
		if first.Cloud.Secrets.Service == "" || first.Cloud.Secrets != again.Cloud.Secrets || first.Cloud.Version != again.Cloud.Version || first.Phone.Version != again.Phone.Version {
			t.Errorf("the second time changed something: %+v, %+v", first, again)
		}
		if first.Visits != 0 || again.Visits != 0 || visits() != before {
			t.Errorf("made %d and %d visits beside those of the company", first.Visits, again.Visits)
		}
		clock.Advance(24 * time.Hour)
		if next := add("http://127.0.0.1:8093"); next.Visits != 4 || visits() != before+4 || next.Cloud.Version != again.Cloud.Version {
			t.Errorf("the next day has %d visits, %d in all", next.Visits, visits())
		}
		if twice := add("http://127.0.0.1:8093"); twice.Visits != 0 {
			t.Errorf("the next day got %d visits more", twice.Visits)
		}

		r := rightsOf(t, a, platform.DemoFieldUser)
		writes := map[string]bool{"Applications_Service_ServiceActivities": true, "Systems_Core_ExtensibleDataObjects": true, "Systems_Core_Notifications": true}
		for _, s := range erp.NewModel().Sets {
			if s.Permissive() != s || writes[s.Name] {
				continue
			}
			if r.Set(s.Name, permission.Update) || r.Set(s.Name, permission.Create) || r.Set(s.Name, permission.Delete) {
				t.Errorf("svc.field may write %s", s.Name)
			}
		}
		const activities = "Applications_Service_ServiceActivities"
		if r.Set(activities, permission.Create) || r.Set(activities, permission.Delete) || !r.Set(activities, permission.Update) {
			t.Error("svc.field makes or deletes visits, or cannot change them")
		}

		report, err := a.RunAudit(ctx, platform.AuditOptions{Limits: findings.DefaultLimits(), Rules: findings.Rules()})
		must(t, err)
		if report.Summary["high"] != 0 {
			t.Errorf("high findings: %+v", report.Findings)
		}
		// An account of somebody's own is in its way.
		other := administration(t, engine)
		if _, _, err := other.Apps.Create(ctx, tandemtest.By, tandem.TrustedApp{ApplicationURI: platform.DemoFieldCloud, ClientType: tandem.ClientConfidential}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.AddField(ctx, "http://127.0.0.1:8093", platform.DemoConfig{}); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("over somebody's own application: %v", err)
		}
	})
}
