package main_test

import (
	"strings"
	"testing"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestExplainKnowsDocumentRights: a refusal by the key of a document's type, or by an
// ability, is explained by that key, with the command that mends it.
func TestExplainKnowsDocumentRights(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	rights := in.Platform.Permissions
	_, err := rights.CreateGroup(t.Context(), tandemtest.By, "Managers", "")
	must(t, err)
	_, _, err = in.Platform.GrantType(t.Context(), tandemtest.By, "Managers", "SO", "release", false)
	must(t, err)
	_, err = rights.Grant(t.Context(), tandemtest.By, "Managers", permission.Target{System: "unit-price"}, "read", false)
	must(t, err)
	in.Refresh()
	anna := in.SignIn("anna").Access
	order := newOrder(t, in, anna)
	_, text := in.API("GET", "General_Products_Products?$top=1&$select=Id", anna, "")
	product := text[strings.Index(text, `"Id":"`)+6:][:36]
	for _, c := range []struct {
		path, body, mend string
		rule             glossary.Rule
		grant            func() error
	}{
		{order + "/ChangeState", `{"newState":"Released"}`, "--rights release", glossary.RuleType, func() error {
			_, _, err := in.Platform.GrantType(t.Context(), tandemtest.By, "Everybody", "SO", "release", false)
			return err
		}},
		{order + "/Lines", `{"Product@odata.bind":"General_Products_Products(` + product + `)","UnitPrice":{"Value":0.01}}`, "--system unit-price", glossary.RuleAbility, func() error {
			_, err := rights.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{System: "unit-price"}, "read", false)
			return err
		}},
	} {
		if status, answer := in.API("POST", c.path, anna, c.body); status != 403 {
			t.Fatalf("%s: %d %s", c.path, status, answer)
		}
		refused := in.Record(glossary.AuditPermissionRefused)
		id := refused[0].RequestID
		for _, e := range refused {
			if strings.Contains(e.Facts, string(c.rule)) {
				id = e.RequestID
			}
		}
		before, text := explain(t, in, id)
		if len(before.Events) == 0 || before.Events[0].Facts.Rule != c.rule || before.Events[0].Now == nil || before.Events[0].Now.Allowed || !strings.Contains(text, c.mend) {
			t.Errorf("%s: %s", c.path, text)
		}
		must(t, c.grant())
		if after, text := explain(t, in, id); len(after.Events) == 0 || after.Events[0].Now == nil || !after.Events[0].Now.Allowed {
			t.Errorf("after the grant: %s", text)
		}
	}
}
