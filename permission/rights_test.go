package permission_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// definitions are drawn: some sets, an attribute with a key, keys of rows, groups.
func definitions(t *rapid.T) permission.Definitions {
	var d permission.Definitions
	rights := rapid.SampledFrom([]permission.Right{0, permission.Read, permission.Read | permission.Update, permission.All})
	for s := range 3 {
		set := fmt.Sprintf("Set%d", s)
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(set), Kind: permission.SetKey, EntityName: set},
			permission.Key{ID: permission.ColumnKeyID(set, "A"), Kind: permission.ColumnKey, EntityName: set, Attribute: "A"})
		for k := range 3 {
			d.Keys = append(d.Keys, permission.Key{ID: permission.ColumnKeyID(set, fmt.Sprint(k)), Kind: permission.RowKey, EntityName: set})
		}
	}
	for g := range 4 {
		id := fmt.Sprintf("group%d", g)
		d.Groups = append(d.Groups, permission.Group{ID: id, Type: permission.NormalGroup})
		for _, k := range d.Keys {
			if r := rights.Draw(t, "rights"); r != 0 {
				grant := permission.Grant{Group: id, Key: k.ID, Rights: r}
				if k.Kind == permission.SetKey && rapid.Bool().Draw(t, "limited") {
					grant.UpdateAttributes = rapid.SliceOfN(rapid.SampledFrom([]string{"A", "B"}), 0, 2).Draw(t, "attributes")
				}
				d.Grants = append(d.Grants, grant)
			}
		}
	}
	return d
}

// answers are what rights say to every question there is.
func answers(d permission.Definitions, r *permission.Rights) map[string]bool {
	all := map[string]bool{}
	for i := range 13 {
		need := permission.Right(1 << i)
		for s := range 3 {
			set := fmt.Sprintf("Set%d", s)
			all[fmt.Sprint(set, need)] = r.Set(set, need)
			all[fmt.Sprint(set, ".A", need)] = r.Column(set, "A")&need != 0
			for _, a := range []string{"A", "B"} {
				all[set+" update "+a] = r.MayUpdate(set, a)
			}
			if need <= permission.Delete && need != permission.Create {
				held, every := r.Keys(set, need)
				for _, k := range d.Keys {
					if k.Kind == permission.RowKey && k.EntityName == set {
						all[fmt.Sprint(k.ID, need, "in SQL")] = every || slices.Contains(strings.Split(held.List, ","), k.ID)
					}
				}
			}
		}
		for _, k := range d.Keys {
			if k.Kind == permission.RowKey {
				all[fmt.Sprint(k.ID, need)] = r.Key(k.ID, need)
			}
		}
	}
	return all
}

// TestE7_AGroupGivesAndNeverTakes: an account in two groups may do what an account in
// either may do, and nothing else.
func TestE7_AGroupGivesAndNeverTakes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := definitions(t)
		table := permission.NewTable(d)
		one := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"group0", "group1", "group2", "group3"}), 0, 3, rapid.ID).Draw(t, "groups")
		slices.Sort(one)
		more := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(one), "group3"))))
		had, has, other := answers(d, table.Rights(one)), answers(d, table.Rights(more)), answers(d, table.Rights([]string{"group3"}))
		for question, yes := range has {
			if want := had[question] || other[question]; yes != want {
				t.Errorf("%s: %t, want %t", question, yes, want)
			}
		}
		for question, yes := range answers(d, table.Rights(nil)) {
			if yes && !strings.Contains(question, ".A") {
				t.Errorf("an account without groups: %s", question)
			}
		}
	})
}

// Who everybody is, and who is never among people.
func TestGroupsOfAccounts(t *testing.T) {
	t.Parallel()
	put := []string{"mine", permission.AllDataID, permission.AdministratorsID, permission.EverybodyID, permission.PowerUsersID}
	for _, c := range []struct {
		user tandem.User
		want []string
	}{
		{tandem.User{Type: tandem.InternalUser}, []string{permission.EverybodyID}},
		{tandem.User{Type: tandem.InternalUser, Admin: true}, []string{permission.EverybodyID, permission.AdministratorsID}},
		{tandem.User{Type: tandem.SystemUserNoLogin}, nil},
		{tandem.User{Type: tandem.SystemUserNoLogin, Admin: true}, nil},
		{tandem.User{Type: tandem.ExternalCommunityUser, Admin: true}, nil},
		{tandem.User{}, nil},
	} {
		if got := permission.GroupsOf(&c.user, nil); !slices.Equal(got, c.want) {
			t.Errorf("%+v is in %v, want %v", c.user, got, c.want)
		}
	}
	if got := permission.GroupsOf(&tandem.User{Type: tandem.SystemUserNoLogin}, put); !slices.Equal(got, []string{permission.AllDataID, "mine"}) {
		t.Errorf("a System User is in %v", got)
	}
	if got := permission.GroupsOf(&tandem.User{Type: tandem.ExternalCommunityUser}, put); got != nil {
		t.Errorf("an external user is in %v", got)
	}
}

// Rights that nobody gave are none.
func TestNoRights(t *testing.T) {
	t.Parallel()
	var none *permission.Rights
	if held, all := none.Keys("Set", permission.Read); none.Set("Set", permission.Read) || none.Key("k", permission.Read) || all || held.List != "" ||
		none.MayUpdate("Set", "A") || none.Column("Set", "A") != 0 || none.Everything() || none.Manages() || !none.HidesIn("Set") {
		t.Error("no rights let something be done")
	}
	everything := permission.ByPlatform()
	if everything.Scope.Has(tandem.ScopeSec) || !everything.Set("Set", permission.All) || !everything.Key("k", permission.All) {
		t.Error("the platform's rights are others")
	}
}

func TestParseRights(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"read": "read", "update": "read,update", "create, DELETE": "read,create,delete", "update:Name:Notes,create": "read,create,update [Name Notes]",
	} {
		rights, attributes, err := permission.ParseRights(text, permission.OfSets)
		got := rights.String()
		if attributes != nil {
			got += fmt.Sprint(" ", attributes)
		}
		if err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "no right", "write": `no right "write" here; use some of read,create,update,delete`, "release": "no right", "read:Name": "only the update",
		"update:": "is empty", "update:A::B": "is empty", "read,,update": "no right",
	} {
		if _, _, err := permission.ParseRights(text, permission.OfSets); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", text, err, want)
		}
	}
}

func FuzzParseRights(f *testing.F) {
	f.Add("read,update:Name:Notes")
	f.Fuzz(func(t *testing.T, text string) {
		rights, attributes, err := permission.ParseRights(text, permission.OfSets)
		if err == nil && (rights&permission.Read == 0 || rights&^permission.OfSets != 0 || len(attributes) > 0 && rights&permission.Update == 0) {
			t.Errorf("%q: %s %v", text, rights, attributes)
		}
	})
}

// BenchmarkRights is the look-up that every call makes, with 5 and 50,000 keys.
func BenchmarkRights(b *testing.B) {
	for _, n := range []int{5, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}}
			for i := range n {
				k := permission.Key{ID: fmt.Sprintf("%036d", i), Kind: permission.RowKey, EntityName: "Set"}
				d.Keys = append(d.Keys, k)
				if i%100 == 0 {
					d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: k.ID, Rights: permission.Read})
				}
			}
			d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID("Set"), Kind: permission.SetKey, EntityName: "Set"})
			table := permission.NewTable(d)
			r := table.Rights([]string{"g"})
			b.ReportAllocs()
			for b.Loop() {
				r.Set("Set", permission.Read)
				r.Keys("Set", permission.Read)
			}
		})
	}
}

// TestE8_NarrowedRightsAreThoseOfBoth: what two have in common is what either may do, to
// every question.
func TestE8_NarrowedRightsAreThoseOfBoth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := definitions(t)
		d.Groups = append(d.Groups, permission.Group{ID: permission.AllDataID, Type: permission.AllData}, permission.Group{ID: permission.AdministratorsID, Type: permission.Administrators})
		table := permission.NewTable(d)
		draw := func() *permission.Rights {
			ids := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"group0", "group1", "group2", "group3", permission.AllDataID, permission.AdministratorsID}), 0, 2, rapid.ID).Draw(t, "groups")
			slices.Sort(ids)
			return table.Rights(ids)
		}
		one, other := draw(), draw()
		both := table.Narrow(one, other)
		a, b := answers(d, one), answers(d, other)
		for question, yes := range answers(d, both) {
			if yes != (a[question] && b[question]) {
				t.Errorf("%s: %t, of the two %t and %t", question, yes, a[question], b[question])
			}
		}
		if !both.Same(table.Narrow(one, other)) || table.Narrow(one, nil).Some() || table.Narrow(nil, one).Some() {
			t.Error("the same two have something else in common, or something with nobody")
		}
	})
}

// TestAbilities: one that nobody is granted is everybody's, and one that somebody is
// granted is theirs alone; what is narrowed has what both have.
func TestAbilities(t *testing.T) {
	t.Parallel()
	d := permission.Definitions{
		Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}, {ID: "h", Type: permission.NormalGroup}, {ID: "all", Type: permission.AllData}},
		Keys:   []permission.Key{{ID: permission.EditUnitPrice, Kind: permission.SystemKey}, {ID: permission.EditLineDiscount, Kind: permission.SystemKey}},
		Grants: []permission.Grant{{Group: "g", Key: permission.EditUnitPrice, Rights: permission.Read}},
	}
	table := permission.NewTable(d)
	g, h, all := table.Rights([]string{"g"}), table.Rights([]string{"h"}), table.Rights([]string{"all"})
	for name, c := range map[string]struct {
		rights          *permission.Rights
		price, discount bool
	}{
		"granted": {g, true, true}, "not granted": {h, false, true}, "all data": {all, true, true}, "the platform": {permission.ByPlatform().Rights, true, true},
		"nobody": {nil, false, false}, "narrowed to less": {table.Narrow(g, h), false, true}, "narrowed to the same": {table.Narrow(all, g), true, true},
	} {
		if price, discount := c.rights.Can(permission.EditUnitPrice), c.rights.Can(permission.EditLineDiscount); price != c.price || discount != c.discount {
			t.Errorf("%s: price %t, discount %t", name, price, discount)
		}
	}
	if h.Some() {
		t.Error("an account with no grant holds something")
	}
}
