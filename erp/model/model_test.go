package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

const aGUID = "0123abcd-4567-89ab-cdef-0123456789ab"

// zoo is a small model with one of everything: animals of which some are birds,
// and cages that hold feedings.
func zoo() *model.Model {
	kind := model.NewEnum("Zoo_AnimalType", "Mammal", "Bird")
	return model.New([]model.SetDeclaration{
		model.Root("Zoo_Coins", "Zoo_Coin", "zoo_coins").Unguarded().Code("Sign").Display("{Sign}").
			With(model.Text("Sign", 4).Required()),
		model.Root("Zoo_Animals", "Zoo_Animal", "zoo_animals").Unguarded().Abstract("AnimalType").
			Unique("Name").Code("Name").Named("Call").Display("{Name} of {Cage.Name}").Search("Call").
			With(
				model.Text("Name", 8).Required().Can(model.CanEq|model.CanLike|model.CanOrder),
				model.Multilingual("Call", 20),
				model.OneOf("AnimalType", kind).Required(),
				model.Ref("Cage", "Zoo_Cages").Filterable(),
			),
		model.Subtype("Zoo_Animals", "Zoo_Birds", "Zoo_Bird", 1).Unique("RingNo", "Cage").
			With(model.Text("RingNo", 0), model.Decimal("WingSpan", 6, 2)),
		model.Subtype("Zoo_Animals", "Zoo_Mammals", "Zoo_Mammal", 0).Code("RFID").
			With(model.Text("RFID", 0)),
		model.Root("Zoo_Cages", "Zoo_Cage", "zoo_cages").Unguarded().Child("Feedings", "Zoo_Feedings").
			With(
				model.Text("Name", 0),
				model.Ref("Coin", "Zoo_Coins"),
				model.Ref("Guest", "Zoo_Animals"),
			),
		model.Part("Zoo_Feedings", "Zoo_Feeding", "zoo_feedings", "Cage").UniqueWithin("cage", "LineNo", "Cage").
			With(
				model.Int("LineNo"),
				model.Amount("Cost", 9, 2, "Cage.Coin").Can(model.CanRange),
				model.Ref("Cage", "Zoo_Cages"),
			),
		model.View("Zoo_Totals", "Zoo_Total", "zoo_totals").Unguarded().With(model.Ref("Cage", "Zoo_Cages")),
	}, []model.Rename{{OldName: "Pens", NewName: "Zoo_Pens", Version: "1"}, {OldName: "Zoo_Pens", NewName: "Zoo_Cages", Version: "2"}})
}

func TestDeclarationsAreLinked(t *testing.T) {
	t.Parallel()
	m := zoo()
	animals, birds, mammals := m.Set("Zoo_Animals"), m.Set("Zoo_Birds"), m.Set("Zoo_Mammals")
	cages, feedings := m.Set("Zoo_Cages"), m.Set("Zoo_Feedings")
	for what, ok := range map[string]bool{
		"sets are sorted":                  m.Sets[0] == animals && m.Sets[len(m.Sets)-1].Name == "Zoo_Totals",
		"a type leads to its set":          m.SetOfType("Zoo_Bird") == birds && m.SetOfQualifiedType("#Erp.Zoo_Bird") == birds,
		"a subtype is in its base's table": birds.Table == "zoo_animals" && birds.Base == animals && len(animals.Subtypes) == 2,
		"it has the base's properties":     birds.Property("Name") == animals.Property("Name") && birds.Property("Name").Set == animals,
		"its own come after them":          birds.Property("RingNo").Index == len(animals.Properties),
		"it is found by what the base is":  birds.Code.String() == "Name" && mammals.Code.String() == "RFID",
		"it is told by the discriminator":  animals.Concrete(1) == birds && birds.TypeProperty() == animals.Property("AnimalType"),
		"a base includes it":               animals.Includes(birds) && !birds.Includes(animals) && !birds.Includes(mammals),
		"keys are inherited":               len(birds.Keys) == 2 && len(mammals.Keys) == 1,
		"a part knows its owner":           feedings.Owner == feedings.Property("Cage") && feedings.Root() == cages && !feedings.IsRoot(),
		"the owner is required":            feedings.Owner.Required && feedings.Owner.CreateOnly && feedings.Owner.Filterable,
		"a child knows its set":            cages.Child("Feedings").Set == feedings && cages.Child("Feedings").Owner == feedings.Owner,
		"a part's version is the root's":   feedings.Property("ObjectVersion").ViaOwner.String() == "Cage/ObjectVersion",
		"a unit is a path":                 len(feedings.Property("Cost").Unit) == 2,
		"its end is in the other set":      feedings.Property("Cost").Unit[1] == cages.Property("Coin"),
		"a view has no id":                 m.Set("Zoo_Totals").ID() == nil && m.Set("Zoo_Totals").ReadOnly && !m.Set("Zoo_Totals").IsRoot(),
		"a reference to abstract is so":    cages.Property("Guest").Polymorphic() && !feedings.Owner.Polymorphic(),
		"a computed text has no column":    !birds.Property("DisplayText").Stored() && birds.Property("Name").Stored(),
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
	var search []string
	for _, p := range animals.SearchPaths {
		search = append(search, p.String())
	}
	if got := strings.Join(search, " "); got != "Call Name Cage/Name" {
		t.Errorf("$search looks at %s", got)
	}
	var defaults []string
	for _, p := range feedings.DefaultFields() {
		defaults = append(defaults, p.Name)
	}
	if got := strings.Join(defaults, " "); got != "LineNo Cost Cage" {
		t.Errorf("the default fields are %s", got)
	}
}

func TestColumnsAndKeysHaveTheirNames(t *testing.T) {
	t.Parallel()
	m := zoo()
	for property, column := range map[string]string{"RingNo": "ring_no", "WingSpan": "wing_span",
		"AggregateLastUpdateTimeUtc": "aggregate_last_update_time_utc"} {
		if got := m.Set("Zoo_Birds").Property(property).Column; got != column {
			t.Errorf("%s is in %s", property, got)
		}
	}
	if got := m.Set("Zoo_Mammals").Property("RFID").Column; got != "rfid" {
		t.Errorf("RFID is in %s", got)
	}
	for _, c := range []struct {
		key         *model.Key
		index, text string
	}{
		{m.Set("Zoo_Animals").Keys[0], "zoo_animals_name", "Name"},
		{m.Set("Zoo_Birds").Keys[1], "zoo_animals_ring_no", "RingNo and Cage"},
		{m.Set("Zoo_Feedings").Keys[0], "zoo_feedings_line_no", "LineNo in this cage"},
	} {
		if c.key.Index() != c.index || c.key.String() != c.text {
			t.Errorf("the key is %s, %q; want %s, %q", c.key.Index(), c.key, c.index, c.text)
		}
	}
}

// TestMistakesInDeclarationsPanic looks that a model with a mistake is not made.
func TestMistakesInDeclarationsPanic(t *testing.T) {
	t.Parallel()
	root := func(p ...model.PropertyDeclaration) model.SetDeclaration {
		return model.Root("Sets", "Set", "sets").Unguarded().With(p...)
	}
	one := model.NewEnum("Kind", "One")
	for what, sets := range map[string][]model.SetDeclaration{
		"no set Nowhere":     {root(model.Ref("To", "Nowhere"))},
		"has Name twice":     {root(model.Text("Name", 0), model.Int("Name"))},
		"is declared twice":  {root(), root()},
		"has no Gone":        {root().Code("Gone")},
		"has no Lost":        {root().Unique("Lost")},
		"has no Away":        {root().Display("{Away}")},
		"has no Owner":       {model.Part("Parts", "Part", "parts", "Owner")},
		"no set Base":        {model.Subtype("Base", "Subs", "Sub", 0)},
		"has no code":        {root(model.Ref("Coin", "Coins"), model.Amount("Cost", 9, 2, "Coin")), model.Root("Coins", "Coin", "coins").Unguarded()},
		"more digits after":  {root(model.Decimal("Tiny", 18, 12))},
		"has no member for ": {root(model.OneOf("Kind", one)).Abstract("Kind"), model.Subtype("Sets", "Subs", "Sub", 7)},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), what) {
					t.Errorf("%s: %v", what, r)
				}
			}()
			model.New(sets, nil)
		}()
	}
}

func TestRenamedSetsLeadToTheirSuccessors(t *testing.T) {
	t.Parallel()
	m := zoo()
	if got := m.NewName("Pens"); got != "Zoo_Cages" {
		t.Errorf("Pens is now %s", got)
	}
	if s, err := m.Lookup("Zoo_Cages", "https://x/renames"); err != nil || s != m.Set("Zoo_Cages") {
		t.Error(s, err)
	}
	_, err := m.Lookup("Pens", "https://x/renames")
	refused(t, err, tandem.CodeNotFound, "was renamed to Zoo_Cages; use the new name. All renamed sets: https://x/renames")
	_, err = m.Lookup(strings.Repeat("x", 200), "")
	refused(t, err, tandem.CodeNotFound, `"`+strings.Repeat("x", 80)+`…"`)
}

func TestReferencesAreRead(t *testing.T) {
	t.Parallel()
	m := zoo()
	for _, text := range []string{"Zoo_Cages(" + aGUID + ")", "https://x/api/Zoo_Cages(" + strings.ToUpper(aGUID) + ")",
		"Pens(" + aGUID + ")"} {
		set, id, err := m.ParseID(text)
		if err != nil || set != m.Set("Zoo_Cages") || id != aGUID {
			t.Errorf("%s is %v(%s), %v", text, set, id, err)
		}
	}
	for text, why := range map[string]string{
		"": "is not a reference", "Zoo_Cages": "is not a reference", "Zoo_Cages(1)": "is not a reference",
		"Zoo_Cages(" + aGUID:         "is not a reference",
		"Zoo_Cages({" + aGUID + "})": "is not a reference", "Nowhere(" + aGUID + ")": "names no entity set",
		"Zoo_Totals(" + aGUID + ")": "names no entity set",
	} {
		_, _, err := m.ParseID(text)
		refused(t, err, tandem.CodeInvalid, why)
	}
	guest := m.Set("Zoo_Cages").Property("Guest")
	for _, set := range []string{"Zoo_Animals", "Zoo_Birds"} {
		if id, at, err := m.ParseReference(guest, set+"("+aGUID+")"); err != nil || id != aGUID || at.Name != set {
			t.Error(id, at, err)
		}
	}
	_, _, err := m.ParseReference(guest, "Zoo_Coins("+aGUID+")")
	refused(t, err, tandem.CodeInvalid, "Guest of Zoo_Cages refers to Zoo_Animals, not to Zoo_Coins")
	bird := model.Entity{Set: m.Set("Zoo_Birds"), ID: aGUID}
	if got := guest.Refer(bird); got.Text != aGUID || got.Int != 1 {
		t.Errorf("the reference is %+v", got)
	}
	if bird.String() != "Zoo_Birds("+aGUID+")" || (model.Entity{}).String() != "" {
		t.Error(bird, model.Entity{})
	}
}

func TestPathsOfFilters(t *testing.T) {
	t.Parallel()
	m := zoo()
	for _, text := range []string{"Name", "Cage", "Cage/Name"} {
		p, err := m.Set("Zoo_Birds").ParsePath(strings.Split(text, "/"))
		if err != nil || p.String() != text {
			t.Errorf("%s is %v, %v", text, p, err)
		}
	}
	for _, path := range []string{"CostValue", "Cost/Value"} {
		p, err := m.Set("Zoo_Feedings").ParsePath(strings.Split(path, "/"))
		if err != nil || p.Property.Name != "Cost" {
			t.Error(path, p, err)
		}
	}
	for path, why := range map[string]string{
		"": `Zoo_Cages has no property ""; $metadata lists the properties of Erp.Zoo_Cage.`, "Colour": "has no property",
		"NameValue":   "has no property",
		"Name/Length": "Name is not a reference, so nothing can follow it",
		"Guest/Name":  "Guest is not a filterable reference; filter by Guest eq 'Zoo_Animals(id)'",
	} {
		_, err := m.Set("Zoo_Cages").ParsePath(strings.Split(path, "/"))
		refused(t, err, tandem.CodeInvalid, why)
	}
	for _, path := range []string{"Cost", "Cost/Currency", "Cost/Value/Value"} {
		_, err := m.Set("Zoo_Feedings").ParsePath(strings.Split(path, "/"))
		refused(t, err, tandem.CodeInvalid, "filter and order by CostValue")
	}
	_, err := m.Set("Zoo_Cages").ParsePath(nil)
	refused(t, err, tandem.CodeInvalid, "empty path")
}

func TestEnums(t *testing.T) {
	t.Parallel()
	e := model.NewEnum("Size", "S", "M", "L")
	if n, ok := e.Member("M"); !ok || n != 1 {
		t.Error(n, ok)
	}
	if _, ok := e.Member("m"); ok {
		t.Error("members have one spelling")
	}
	if e.MemberName(2) != "L" || e.MemberName(9) != "" || e.Names() != "S, M, L" {
		t.Error(e.MemberName(2), e.MemberName(9), e.Names())
	}
}

func TestRecordsKnowWhatChanged(t *testing.T) {
	t.Parallel()
	birds := zoo().Set("Zoo_Birds")
	r := model.NewRecord(birds, aGUID)
	if r.Get(birds.ID()).Text != aGUID || r.Get(birds.TypeProperty()).Int != 1 || !r.Get(birds.Property("Name")).Null || !r.Dirty() {
		t.Errorf("a new row is %+v", r.Values)
	}
	r.Saved = append([]model.Value(nil), r.Values...)
	if r.Dirty() {
		t.Error("a saved row is dirty")
	}
	r.Put("Name", model.TextValue("Kiwi"))
	r.PutMember("AnimalType", "Bird")
	if !r.Dirty() || !r.Changed(birds.Property("Name")) || r.Changed(birds.Property("AnimalType")) {
		t.Error("what was set is not what changed")
	}
	v := model.IntValue(1)
	for _, o := range []model.Value{model.NullValue, model.IntValue(2), {Text: "x", Int: 1}} {
		if v.Equal(o) || o.Equal(v) || !o.Equal(o) {
			t.Errorf("%+v and %+v", v, o)
		}
	}
	if !v.Equal(model.Value{Int: 1, Unit: "EUR"}) {
		t.Error("units are of another property")
	}
}

func refused(t *testing.T, err error, code tandem.Code, text string) {
	t.Helper()
	if tandem.ErrorCode(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%s), want %s: …%s…", err, tandem.ErrorCode(err), code, text)
	}
}
