package write_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

func TestCreateFillsWhatIsMissing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.create(shelves, `{"Name":{"en":"Maps"},"Books":[
			{"Title":"Alps","Genre":"Atlas","Pages":600},{"Title":"Rhodope","LineNo":15},{"Title":"Sea"}]}`)
		d.shows(shelves, "Code Name Locked MadeAt MadeOn MadeBy Pages ObjectVersion",
			`{"Code":"S001","Name":{"EN":"Maps"},"Locked":false,"MadeAt":"2026-01-31T09:55:00Z","MadeOn":"2026-01-31T00:00:00Z",`+
				`"MadeBy":"anna","Pages":602,"ObjectVersion":1}`)
		d.shows(books, "LineNo Title Genre Pages Thick", `{"LineNo":10,"Title":"Alps","Genre":"Atlas","Pages":600,"Thick":true}`+
			`{"LineNo":15,"Title":"Rhodope","Genre":"Novel","Pages":1,"Thick":false}`+
			`{"LineNo":25,"Title":"Sea","Genre":"Novel","Pages":1,"Thick":false}`)

		// A null that is sent is no missing value.
		d.create(shelves, `{"MadeOn":null,"Coin":null}`)
		out, err := d.write(books, `{"Shelf":{"Code":"S002"},"Title":"Added later","Coin":{"Sign":"BGN"}}`)
		must(t, err)
		if out.State != write.Added {
			t.Error(out.State)
		}
		d.shows(shelves, "Code MadeOn Pages ObjectVersion",
			`{"Code":"S001","MadeOn":"2026-01-31T00:00:00Z","Pages":602,"ObjectVersion":1}{"Code":"S002","MadeOn":null,"Pages":1,"ObjectVersion":2}`)
	})
}

func TestWhatIsWrongIsRefusedAndSaysHowToMendIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.create(shelves, `{"Code":"A"}`)
		for _, c := range []struct {
			set, body string
			code      tandem.Code
			why       string
		}{
			{shelves, `{"Colour":"red"}`, tandem.CodeInvalid, `has no property "Colour"`},
			{shelves, `{"Code":5}`, tandem.CodeInvalid, "Code needs a text"},
			{shelves, `{"Code":"123456789"}`, tandem.CodeInvalid, "Code has 9 characters; at most 8 fit"},
			{shelves, `{"Name":"Maps"}`, tandem.CodeInvalid, `Name needs an object like {"EN":"text"}`},
			{shelves, `{"Name":{"English":"Maps"}}`, tandem.CodeInvalid, "is a multilanguage text"},
			{shelves, `{"Name":{"EN":"a","en":"b"}}`, tandem.CodeInvalid, "names the language EN twice"},
			{shelves, `{"MadeOn":"yesterday"}`, tandem.CodeInvalid, "MadeOn needs a time like"},
			{shelves, `{"MadeBy":"paul"}`, tandem.CodeInvalid, "MadeBy is read-only"},
			{shelves, `{"Locked":true}`, tandem.CodeInvalid, "Locked is read-only; use the action Lock"},
			{shelves, `{"Locked":"true"}`, tandem.CodeInvalid, "Locked needs true or false"},
			{shelves, `{"Id":"1"}`, tandem.CodeInvalid, "Id is not a GUID"},
			{shelves, `{"ObjectVersion":1}`, tandem.CodeInvalid, "ObjectVersion is a number that the server keeps"},
			{shelves, `{"DisplayText":"x"}`, tandem.CodeInvalid, "DisplayText is read-only"},
			{shelves, `{"@erpnet.action":"upsert"}`, tandem.CodeInvalid, `@erpnet.action "upsert" is unknown`},
			{shelves, `{"@erpnet.find":{}}`, tandem.CodeInvalid, `"@erpnet.find" is unknown`},
			{shelves, `{"@odata.type":"Erp.Lib_Book"}`, tandem.CodeInvalid, "is not a type of this set"},
			{shelves, `{"Coin":"EUR"}`, tandem.CodeInvalid, `Coin is a reference; write it as {"@odata.id":"Lib_Coins(id)"}`},
			{shelves, `{"Code@odata.bind":"x"}`, tandem.CodeInvalid, "Code is not a reference"},
			{shelves, `{"Coin":{"@odata.id":"Lib_Coins(7f000000-0000-4000-8000-000000000009)"}}`, tandem.CodeRule,
				"Coin: Lib_Coins: Object not found"},
			{shelves, `{"Coin":{"Sign":"USD"}}`, tandem.CodeRule, `Coin: Object not found: Lib_Coins, action: find, findBy: {"Code":"USD"}`},
			{shelves, `{"Books":{}}`, tandem.CodeInvalid, "Books must be an array of objects"},
			{shelves, `{"Books":[1]}`, tandem.CodeInvalid, "Books[0] is not an object"},
			{shelves, `{"Books":[{"Title":"x"},{}]}`, tandem.CodeRule, "Books[1]: Lib_Books: Title is required"},
			{shelves, `{"Books":[{"Title":"x","Pages":0}]}`, tandem.CodeRule, "A book has pages. (Constraint L1)"},
			{shelves, `{"Books":[{"Title":"x","Pages":1.5}]}`, tandem.CodeInvalid, "Pages needs a whole number"},
			{shelves, `{"Books":[{"Title":"x","Genre":"Poem"}]}`, tandem.CodeInvalid, "Genre needs one of Novel, Atlas"},
			{shelves, `{"Books":[{"Title":"x","Weight":1000}]}`, tandem.CodeRule, "Weight has more than 3 digits before the point"},
			{shelves, `{"Books":[{"Title":"x","Weight":"much"}]}`, tandem.CodeInvalid, "Weight: much is not a number"},
			{shelves, `{"Books":[{"Title":"x","Price":5}]}`, tandem.CodeInvalid, `Price needs an object like {"Value":1.5,"Currency":"…"}`},
			{shelves, `{"Books":[{"Title":"x","Price":{"Value":1,"Unit":"kg"}}]}`, tandem.CodeInvalid,
				`Price has no "Unit"; it has Value and Currency`},
			{shelves, `{"Books":[{"Title":"x","Price":{"Value":1,"Currency":"USD"}}]}`, tandem.CodeRule, `there is no currency "USD"`},
			{shelves, `{"Books":[{"Title":"x","Coin":{"Sign":"BGN"},"Price":{"Value":1,"Currency":"EUR"}}]}`, tandem.CodeRule,
				"the currency of Price and Coin disagree"},
			{shelves, `{"Books":[{"Title":"x","Fine":{"Value":1,"Currency":"BGN"}}]}`, tandem.CodeRule, `Fine must be in "EUR", not in "BGN"`},
			{shelves, `{"Coin":null,"Books":[{"Title":"x","Fine":{"Value":1,"Currency":"BGN"}}]}`, tandem.CodeRule,
				"there is none in effect: set Coin first"},
			{shelves, `{"Code":"A"}`, tandem.CodeConflict, "the same Code already"},
			{shelves, `{"Books":[{"Title":"x","LineNo":1},{"Title":"y","LineNo":1}]}`, tandem.CodeConflict, "the same LineNo in this shelf already"},
			{books, `{"Title":"x"}`, tandem.CodeRule, "Shelf is required"},
			{"Lib_Rules", `{"Sign":"x"}`, tandem.CodeForbidden, "Lib_Rules is read-only through this API"},
		} {
			_, err := d.write(c.set, c.body)
			if err == nil {
				t.Errorf("%s %s was written", c.set, c.body)
				continue
			}
			refused(t, err, c.code, c.why)
		}
		d.shows(shelves, "Code", `{"Code":"A"}`)
		d.shows(books, "Title", "")
	})
}

func TestAmountsAssignTheirCurrency(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.create(shelves, `{"Books":[
			{"Title":"a","Price":{"Value":1.005,"Currency":"BGN"},"Fine":{"Value":-0.005,"Currency":"eur"}},
			{"Title":"b","Weight":"12.345","Price":{"Value":2}}]}`)
		d.shows(books, "Title Weight Price Fine",
			`{"Title":"a","Weight":null,"Price":{"Value":1.01,"Currency":"BGN"},"Fine":{"Value":-0.01,"Currency":"EUR"}}`+
				`{"Title":"b","Weight":12.35,"Price":{"Value":2,"Currency":null},"Fine":null}`)
	})
}

func TestEveryActionOfAnObject(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.create(shelves, `{"Code":"A","Name":{"EN":"Maps"},"ExternalId":"1","ExternalSystem":"old"}`)
		d.create(shelves, `{"Code":"B","Name":{"EN":"Road maps"}}`)
		for _, c := range []struct {
			body string
			want write.State
		}{
			{`{"@erpnet.action":"find","Code":"A"}`, write.Unchanged},
			{`{"@erpnet.action":"find","@erpnet.findBy":{"Name":"maps"}}`, write.Unchanged},
			{`{"@erpnet.action":"findSingle","@erpnet.findBy":{"Name":"MAPS"}}`, write.Unchanged}, // the exact one comes first
			{`{"@erpnet.action":"find","@erpnet.findBy":{"ExternalId":"1","ExternalSystem":"old"}}`, write.Unchanged},
			{`{"@erpnet.action":"find","@erpnet.findBy":{"DisplayText":"road"}}`, write.Unchanged},
			{`{"@erpnet.action":"findOrNull","Code":"C"}`, write.Unchanged},
			{`{"@erpnet.action":"findSingleOrNull","Code":"C"}`, write.Unchanged},
			{`{"@erpnet.action":"findOrCreate","Code":"A","Name":{"EN":"not written"}}`, write.Unchanged},
			{`{"@erpnet.action":"findOrCreate","Code":"C"}`, write.Added},
			{`{"@erpnet.action":"update","@erpnet.findBy":{"Code":"C"},"Name":{"EN":"Seas"}}`, write.Modified},
			{`{"@erpnet.action":"update","@erpnet.findBy":{"Code":"C"},"Name":{"EN":"Seas"}}`, write.Unchanged}, // says the same again
			{`{"@erpnet.action":"merge","Code":"D","Name":{"EN":"Stars"}}`, write.Added},
			{`{"@erpnet.action":"merge","Code":"D","Name":{"EN":"Moons"}}`, write.Modified},
			{`{"@erpnet.action":"delete","Code":"D"}`, write.Deleted},
		} {
			if got := d.state(shelves, c.body); got != c.want {
				t.Errorf("%s: %s, want %s", c.body, got, c.want)
			}
		}
		d.shows(shelves, "Code Name ObjectVersion", `{"Code":"A","Name":{"EN":"Maps"},"ObjectVersion":1}`+
			`{"Code":"B","Name":{"EN":"Road maps"},"ObjectVersion":1}{"Code":"C","Name":{"EN":"Seas"},"ObjectVersion":2}`)

		for body, why := range map[string]string{
			`{"@erpnet.action":"find","Code":"X"}`:                                 `Object not found: Lib_Shelves, action: find, findBy: {"Code":"X"}`,
			`{"@erpnet.action":"update","@erpnet.findBy":{"ExternalId":"9"}}`:      `Object not found`,
			`{"@erpnet.action":"update"}`:                                          `findBy: {}`,
			`{"@erpnet.action":"findSingle","@erpnet.findBy":{"DisplayText":"m"}}`: `More than one object found`,
		} {
			_, err := d.write(shelves, body)
			refused(t, err, tandem.CodeRule, why)
		}
		for body, why := range map[string]string{
			`{"@erpnet.action":"find","@erpnet.findBy":{}}`:               "@erpnet.findBy is empty",
			`{"@erpnet.action":"find","@erpnet.findBy":"A"}`:              "must be an object",
			`{"@erpnet.action":"find","@erpnet.findBy":{"Colour":"red"}}`: `has no key "Colour"`,
			`{"@erpnet.action":"find","@erpnet.findBy":{"Id":"1"}}`:       `Id "1" is not a GUID`,
			`{"@erpnet.action":"find","@erpnet.findBy":{"Code":{}}}`:      "Code must be a text",
		} {
			_, err := d.write(shelves, body)
			refused(t, err, tandem.CodeInvalid, why)
		}
	})
}

func TestMergeFindsTheLinesAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		const body = `{"@erpnet.action":"merge","Code":"A","Books":[{"Title":"a","Pages":%d},{"Title":"b"}]}`
		for i, want := range []write.State{write.Added, write.Unchanged, write.Modified} {
			if got := d.state(shelves, fmt.Sprintf(body, 1+i/2)); got != want {
				t.Errorf("merge %d: %s, want %s", i+1, got, want)
			}
		}
		d.shows(books, "LineNo Title Pages", `{"LineNo":10,"Title":"a","Pages":2}{"LineNo":20,"Title":"b","Pages":1}`)

		got := d.state(shelves, `{"@erpnet.action":"merge","Code":"A","Books":[{"LineNo":10,"@erpnet.action":"delete"},{"LineNo":30,"Title":"c"}]}`)
		if got != write.Modified {
			t.Error(got)
		}
		d.shows(books, "LineNo Title", `{"LineNo":20,"Title":"b"}{"LineNo":30,"Title":"c"}`)
		d.shows(shelves, "Pages ObjectVersion", `{"Pages":2,"ObjectVersion":3}`)
		_, err := d.write(shelves, `{"@erpnet.action":"merge","Code":"A","Books":[{"LineNo":20},{"LineNo":20}]}`)
		refused(t, err, tandem.CodeRule, "the same row is given twice in one request")
	})
}

func TestUpdatesKeepTheVersion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		shelf := d.create(shelves, `{"Code":"A"}`)
		at := opened
		d.Clock = func() time.Time { return at }
		at = opened.Add(-time.Hour) // a clock that goes back
		out, err := d.update(shelf, `{"ObjectVersion":1,"Name":{"EN":"x"},"Code":"A","Books":[{"Title":"a"}]}`)
		if must(t, err); out.State != write.Modified {
			t.Error(out.State)
		}
		d.shows(shelves, "ObjectVersion Pages AggregateLastUpdateTimeUtc",
			`{"ObjectVersion":2,"Pages":1,"AggregateLastUpdateTimeUtc":"2026-01-31T09:55:00.000001Z"}`)
		_, err = d.update(shelf, `{"ObjectVersion":1,"Name":null}`)
		refused(t, err, tandem.CodeConflict, "ObjectVersion is 2, not 1; read it again")
		_, err = d.update(shelf, `{"Code":"B"}`)
		refused(t, err, tandem.CodeInvalid, "Code is read-only after the row was created")
		_, err = d.update(shelf, `{"Id":"7f000000-0000-4000-8000-000000000009"}`)
		refused(t, err, tandem.CodeInvalid, "Id cannot be changed")
		_, err = d.update(model.Entity{Set: shelf.Set, ID: anna.ID}, `{}`)
		refused(t, err, tandem.CodeNotFound, "There is no Lib_Shelves("+anna.ID+")")
		if out, err := d.update(shelf, `{"Name":{"EN":"x"}}`); err != nil || out.State != write.Unchanged {
			t.Error(out.State, err)
		}
	})
}

func TestDeleteLeavesNothingThatPointsNowhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		a := d.create(shelves, `{"Code":"A","Books":[{"Title":"a"}]}`)
		b := d.create(shelves, `{"Code":"B","Next":{"Code":"A"}}`)
		refused(t, d.Delete(t.Context(), anna, a, write.Condition{}), tandem.CodeConflict, b.String()+" refers to it by Next")
		refused(t, d.Delete(t.Context(), anna, b, write.At(5)), tandem.CodePrecondition, "ObjectVersion is 1")
		must(t, d.Delete(t.Context(), anna, b, write.At(1)))
		must(t, d.Delete(t.Context(), anna, a, write.Condition{}))
		d.shows(shelves, "Code", "")
		d.shows(books, "Title", "")
		refused(t, d.Delete(t.Context(), anna, a, write.Condition{}), tandem.CodeNotFound, "There is no")
	})
}

func TestGuardsRefuseAllButActions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		shelf := d.create(shelves, `{"Code":"A","Books":[{"Title":"a"}]}`)
		ctx := t.Context()
		refused(t, failure(d.Do(ctx, anna, shelf, write.Condition{}, "Open", &write.Object{})), tandem.CodeInvalid, `has no action "Open"; it has Lock.`)
		refused(t, failure(d.Do(ctx, anna, shelf, write.Condition{}, "Lock", object(t, `{"until":1}`))), tandem.CodeInvalid, `Lock has no parameter "until"`)
		refused(t, failure(d.Do(ctx, anna, shelf, write.Condition{}, "Lock", object(t, `{"why":1}`))), tandem.CodeInvalid, "why of Lock must be a text")
		refused(t, failure(d.Do(ctx, anna, shelf, write.Condition{}, "Lock", object(t, `{"whom":"me"}`))), tandem.CodeInternal, "Lock does not read its parameter whom")
		d.shows(shelves, "Locked", `{"Locked":false}`)
		must(t, failure(d.Do(ctx, anna, shelf, write.Condition{}, "Lock", object(t, `{"why":"dust"}`))))
		d.shows(shelves, "Locked Why ObjectVersion", `{"Locked":true,"Why":"dust","ObjectVersion":2}`)

		_, err := d.update(shelf, `{"Name":{"EN":"x"}}`)
		refused(t, err, tandem.CodeRule, "shelf A is locked.")
		_, err = d.update(shelf, `{"Books":[{"Title":"b"}]}`)
		refused(t, err, tandem.CodeRule, "shelf A is locked.")
		_, err = d.write(books, `{"Shelf":{"Code":"A"},"Title":"b"}`)
		refused(t, err, tandem.CodeRule, "shelf A is locked.")
		refused(t, d.Delete(ctx, anna, shelf, write.Condition{}), tandem.CodeRule, "shelf A is locked.")
		must(t, failure(d.Do(ctx, anna, shelf, write.Condition{}, "Lock", object(t, `{"why":"more dust"}`))))
		d.shows(books, "Title", `{"Title":"a"}`)
	})
}

func TestNumbersSkipWhatIsTaken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.create(shelves, `{"Code":"S002"}`)
		for range 3 {
			d.create(shelves, `{}`)
		}
		d.shows(shelves, "Code", `{"Code":"S001"}{"Code":"S002"}{"Code":"S003"}{"Code":"S004"}`)
	})
}
