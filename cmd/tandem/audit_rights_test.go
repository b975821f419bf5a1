package main_test

import (
	"slices"
	"strings"
	"testing"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// told is what findings of a rule say, and their commands.
func told(t *testing.T, in *tandemtest.Instance, rule string) (evidence, mend []string) {
	t.Helper()
	found, skipped := findingsOf(t, in, rule)
	if len(skipped) > 0 {
		t.Fatalf("%s: %v", rule, skipped)
	}
	for _, f := range found {
		for _, e := range f.Evidence {
			evidence = append(evidence, f.Name+": "+e.Name+": "+e.Text())
		}
		for _, command := range f.Mend { // several findings may need the same
			if !slices.Contains(mend, command) {
				mend = append(mend, command)
			}
		}
	}
	return evidence, mend
}

// TestFindingsOfRightsOnTypes: releasing documents is writing, by a right on their type; of a
// type without a key whoever may change its documents releases them; and the commands take
// away what the finding is about and nothing else.
func TestFindingsOfRightsOnTypes(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.Platform.Permissions
		grant := func(group string, on permission.Target, rights string) {
			t.Helper()
			_, err := admin.Grant(t.Context(), tandemtest.By, group, on, rights, true)
			must(t, err)
		}
		app := func(name string, scope ...string) {
			t.Helper()
			u := in.CreateUser(signin.NewUser{Login: "svc." + name, Type: glossary.SystemUserNoLogin})
			in.CreateApp(glossary.TrustedApp{ApplicationURI: "com.example/" + name, Name: name, Enabled: true, ClientType: glossary.ClientConfidential,
				SystemUserAllowed: true, SystemUserID: u.ID, Scope: glossary.Scope(scope)})
			_, err := admin.CreateGroup(t.Context(), tandemtest.By, name, "")
			must(t, err)
			in.Grant(name, u.Login)
		}
		is := func(rule string, want ...string) (mend []string) {
			t.Helper()
			got, mend := told(t, in, rule)
			for _, w := range want {
				if !slices.Contains(got, w) {
					t.Errorf("%s: no %q in %q", rule, w, got)
				}
			}
			if len(want) == 0 && len(got) > 0 {
				t.Errorf("%s: %q", rule, got)
			}
			return mend
		}

		// A four-eyes type without a key.
		is("PA10")
		boss := in.SignIn("admin").Access
		_, text := in.API("GET", "Systems_Documents_DocumentTypes?$select=Id&$filter=Code%20eq%20'SO'", boss, "")
		_, id, found := strings.Cut(text, `"Id":"`)
		if !found {
			t.Fatal(text)
		}
		if status, text := in.API("PATCH", "Systems_Documents_DocumentTypes("+id[:36]+")", boss, `{"FourEyes":true}`); status != 204 {
			t.Fatalf("%d %s", status, text)
		}
		must(t, admin.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser))
		app("notes", "read", "update")
		in.Grant("notes", tandemtest.SystemUser)
		grant("notes", permission.Target{Set: orders}, "read,update:DocumentNotes:Lines")
		mend := is("PA10", "SO: group: Everybody", "SO: key of the type: none: whoever may change its documents may release them")
		if len(mend) != 1 {
			t.Errorf("%q", mend)
		}
		do(t, in, mend...)
		is("PA10")

		// Who only releases writes.
		app("releases", "read", "update")
		grant("releases", permission.Target{Set: orders}, "read")
		_, _, err := in.Platform.GrantType(t.Context(), tandemtest.By, "releases", "SO", "read,release,void", true)
		must(t, err)
		is("PA5")
		is("PA6")
		in.UpdateApp("com.example/releases", func(a *glossary.TrustedApp) { a.ServiceScope = glossary.Scope{"read"} })
		mend = is("PA5", `svc.releases: may write: release,void rows of Systems_Documents_DocumentTypes with the key "Document type SO"`)
		do(t, in, mend...)
		is("PA5")
		is("PA6")

		// A scope with nothing behind it.
		app("nothing", "read")
		mend = is("PA6", "com.example/nothing: System User: svc.nothing may read no set")
		for _, command := range mend {
			do(t, in, strings.Replace(command, " GROUP ", " releases ", 1))
		}
		is("PA6")

		// The right to administer a key is taken, and the others stay.
		k, err := admin.CreateKey(t.Context(), tandemtest.By, orders, "Large")
		must(t, err)
		grant("notes", permission.Target{Key: "Large"}, "read,update,delete,administer")
		do(t, in, is("PA2", `svc.notes: notes: read,update,delete,administer on rows of Crm_Sales_SalesOrders with the key "Large"`)...)
		is("PA2")
		g, err := admin.Group(t.Context(), "notes")
		must(t, err)
		all, err := admin.Grants(t.Context(), g.ID)
		must(t, err)
		for _, held := range all {
			if held.Key.ID == k.ID && held.Rights != permission.Read|permission.Update|permission.Delete {
				t.Errorf("of the key there is left %s", held.Rights)
			}
		}
	})
}

// TestFindingsOfWhatIsComputed: what is hidden is found in what any group reads, and not in
// what is read by those alone who may see it.
func TestFindingsOfWhatIsComputed(t *testing.T) {
	t.Parallel()
	const orders, lines, changes = "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrderLines", "Crm_Sales_SalesOrderStateChanges"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.Platform.Permissions
		column := func(group, attribute string) {
			t.Helper()
			_, err := admin.Grant(t.Context(), tandemtest.By, group, permission.Target{Column: attribute}, "read,create,update", true)
			must(t, err)
		}
		for _, name := range []string{"Prices", "Sums", "Back end"} {
			_, err := admin.CreateGroup(t.Context(), tandemtest.By, name, "")
			must(t, err)
		}
		mended := func(want ...string) {
			t.Helper()
			got, mend := told(t, in, "PA7")
			for _, w := range want {
				if !slices.Contains(got, w) {
					t.Errorf("no %q in %q", w, got)
				}
			}
			do(t, in, mend...)
			if got, mend := told(t, in, "PA7"); len(got) > 0 {
				t.Errorf("after %q: %q, %q", want, got, mend)
			}
		}
		must(t, admin.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser))
		column("Prices", lines+".UnitPrice")
		mended(lines+".UnitPrice: computed of: "+lines+".LineAmount", lines+".UnitPrice: computed of: "+orders+".TotalLineAmount")

		// Another group, of people: what everybody reads it reads, too.
		column("Sums", lines+".LineAmount")
		mended(lines + ".UnitPrice: computed of: " + lines + ".LineAmount, which Sums reads")

		// And one of System Users, who read nothing that everybody does.
		in.Grant("Back end", tandemtest.SystemUser)
		column("Back end", lines+".LineAmount")
		if got, _ := told(t, in, "PA7"); len(got) > 0 {
			t.Errorf("who reads no order: %q", got)
		}
		_, err := admin.Grant(t.Context(), tandemtest.By, "Back end", permission.Target{Set: orders}, "read", true)
		must(t, err)
		mended(lines + ".UnitPrice: computed of: " + lines + ".LineAmount, which Back end reads")

		column("Prices", orders+".VoidReason")
		mended(orders + ".VoidReason: computed of: " + changes + ".Notes")
		column("Prices", lines+".LineCustomDiscountPercent") // of three, two of which are hidden
		mended()
		column("Everybody", lines+".UnitPrice")
		column("Everybody", lines+".LineAmount")
		mended(lines + ".LineCustomDiscountPercent: computed of: " + lines + ".UnitPrice + " + lines + ".Quantity + " + lines + ".LineAmount")
		column("Prices", "General_Contacts_Persons.MiddleName")
		mended("General_Contacts_Persons.MiddleName: computed of: General_Contacts_Companies.PartyName")
	})
}
