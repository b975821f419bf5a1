package write_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/write"
)

// bring imports one object and gives what came of it.
func (d *desk) bring(body string) write.ImportedObject {
	d.t.Helper()
	result, err := d.Import(d.t.Context(), anna, &write.ImportRequest{Objects: []*write.Object{
		object(d.t, `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"merge","Code":"A",`+body+`}`),
	}})
	must(d.t, err)
	return result.Objects[0]
}

const (
	euro, lev = `"Coin":{"Sign":"EUR"}`, `"Coin":{"Sign":"BGN"}`
	dollar    = `"Coin":{"Sign":"USD","ExternalId":"usd"}` // made with the first
	// kept are the books that the imports below begin with.
	kept = `"Books":[{` + euro + `,"Title":"one"},{` + lev + `,"Title":"two"},{` + dollar + `,"Title":"three"}]`
)

// What a row refers to says which it is: wherever it stands, and whatever stands
// before it.
func TestMergeKnowsRowsByWhatTheyReferTo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		if got := d.bring(kept); got.State != write.Added || got.Note != "" {
			t.Errorf("%+v", got)
		}
		if got := d.bring(kept); got.State != write.Unchanged || got.Note != "" {
			t.Errorf("again: %+v", got)
		}
		ids := d.listed(books, "Id LineNo")
		out, err := d.write(coins, `{"@erpnet.action":"find","Sign":"BGN"}`)
		must(t, err)
		bgn := out.Entity
		got := d.bring(`"Books":[{` + dollar + `,"Title":"3"},{"Coin@odata.bind":"` + bgn.String() + `","Title":"2"}]`)
		if got.State != write.Modified || !strings.HasPrefix(got.Note, "1 of Books are not in this request and stay: LineNo 10; ") {
			t.Errorf("without the first one: %+v", got)
		}
		d.shows(books, "LineNo Title", `{"LineNo":10,"Title":"one"}{"LineNo":20,"Title":"2"}{"LineNo":30,"Title":"3"}`)
		if now := d.listed(books, "Id LineNo"); now != ids {
			t.Errorf("rows were exchanged:\n%s\n%s", ids, now)
		}
		got = d.bring(`"Books":[{` + dollar + `},{` + lev + `}],"Books@erpnet.missing":"delete"`)
		if got.State != write.Modified || got.Note != "" {
			t.Errorf("the rest goes: %+v", got)
		}
		d.shows(books, "LineNo Title", `{"LineNo":20,"Title":"2"}{"LineNo":30,"Title":"3"}`)
		d.shows(shelves, "Pages", `{"Pages":2}`)
		got = d.bring(`"Books@erpnet.missing":"keep","Books":[{` + euro + `,"Title":"new"}]`)
		if got.State != write.Modified || got.Note != "" {
			t.Errorf("the rest stays: %+v", got)
		}
		d.shows(books, "LineNo Title", `{"LineNo":20,"Title":"2"}{"LineNo":30,"Title":"3"}{"LineNo":40,"Title":"new"}`)
	})
}

// A row that refers to nothing is known by its texts, one that says nothing to be
// known by is new.
func TestMergeKnowsRowsByTheirTexts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.bring(`"Books":[{"Title":"one"},{"Title":"two"}]`)
		got := d.bring(`"Books":[{"Title":"two","Pages":9},{"Title":"three"}]`)
		if !strings.Contains(got.Note, "LineNo 10;") {
			t.Errorf("%+v", got)
		}
		d.shows(books, "LineNo Title Pages", `{"LineNo":10,"Title":"one","Pages":1}{"LineNo":20,"Title":"two","Pages":9}{"LineNo":30,"Title":"three","Pages":1}`)
		if got := d.bring(`"Books":[{"Pages":7}]`); got.Err == nil || !strings.Contains(got.Err.Error(), "Title is required") {
			t.Errorf("nothing to be known by: %+v", got)
		}
	})
}

// Rows that cannot be told apart are no reason to guess, and a row that an object
// names is not taken by another one's key.
func TestMergeRefusesToGuess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.bring(`"Books":[{` + euro + `,"Title":"a"},{` + euro + `,"Title":"b"},{` + lev + `,"Title":"c"}]`)
		if got := d.bring(`"Books":[{` + lev + `},{` + euro + `,"Title":"b"}]`); got.Err == nil ||
			!strings.Contains(got.Err.Error(), "Books[1]: Lib_Books: 2 rows have the same Coin, and the request has 1 of them") {
			t.Errorf("%+v", got)
		}
		d.shows(books, "Title", `{"Title":"a"}{"Title":"b"}{"Title":"c"}`)
		got := d.bring(`"Books":[{` + euro + `,"Title":"B"},{"LineNo":10,"Title":"A"},{` + lev + `}]`)
		if got.Err != nil {
			t.Error(got.Err)
		}
		d.shows(books, "Title", `{"Title":"A"}{"Title":"B"}{"Title":"c"}`)
		got = d.bring(`"Books":[{` + euro + `,"Title":"x"},{` + euro + `,"Title":"y"},{` + euro + `,"Title":"z"},{` + lev + `}]`)
		if got.Err != nil {
			t.Error(got.Err)
		}
		d.shows(books, "LineNo Title", `{"LineNo":10,"Title":"x"}{"LineNo":20,"Title":"y"}{"LineNo":30,"Title":"c"}{"LineNo":40,"Title":"z"}`)
		got = d.bring(`"Books@erpnet.missing":"delete","Books":[{` + euro + `,"Title":"only"}]`)
		if got.Err != nil {
			t.Error(got.Err)
		}
		d.shows(books, "LineNo Title", `{"LineNo":10,"Title":"only"}`)
	})
}

// A PATCH adds rows; it finds those again for which it asks, and removes the rest
// only where it says so.
func TestPatchOfACollection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		shelf := d.create(shelves, `{"Code":"A",`+kept+`}`)
		patch := func(body string) {
			t.Helper()
			_, err := d.update(shelf, body)
			must(t, err)
		}
		patch(`{"Books":[{` + euro + `,"Title":"again"}]}`)
		patch(`{"Books":[{"@erpnet.action":"merge",` + lev + `,"Title":"2"}]}`)
		d.shows(books, "LineNo Title",
			`{"LineNo":10,"Title":"one"}{"LineNo":20,"Title":"2"}{"LineNo":30,"Title":"three"}{"LineNo":40,"Title":"again"}`)
		patch(`{"Books@erpnet.missing":"delete","Books":[{"LineNo":20},{"LineNo":50,"Title":"five"}]}`)
		d.shows(books, "LineNo Title", `{"LineNo":20,"Title":"2"}{"LineNo":50,"Title":"five"}`)
		patch(`{"Books@erpnet.missing":"delete","Books":[]}`)
		d.shows(books, "LineNo", ``)
		d.shows(shelves, "Pages", `{"Pages":0}`)
		for body, why := range map[string]string{
			`{"Books@erpnet.missing":"delete"}`:             `Books@erpnet.missing stands beside no collection`,
			`{"Books":[],"Books@erpnet.missing":true}`:      "Books@erpnet.missing is keep or delete",
			`{"Books":[],"Boooks@erpnet.missing":"keep"}`:   `Boooks@erpnet.missing stands beside no collection`,
			`{"Books":[],"Books@erpnet.absent":"keep"}`:     "is unknown",
			`{"Books":[{` + euro + `}],"Pages@erpnet.x":1}`: "is unknown",
		} {
			_, err := d.update(shelf, body)
			refused(t, err, tandem.CodeInvalid, why)
		}
		_, err := d.update(shelf, `{"Locked":true}`)
		refused(t, err, tandem.CodeInvalid, "use the action Lock")
		_, err = d.Do(t.Context(), anna, shelf, write.Condition{}, "Lock", object(t, `{}`))
		must(t, err)
		_, err = d.update(shelf, fmt.Sprintf(`{"Books":[],"Books@erpnet.missing":%q}`, "delete"))
		must(t, err) // there is nothing to remove
	})
}

// What a nested object makes while the rows are looked for is made once.
func TestKeysMakeWhatTheyReferToOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		d.bring(`"Books":[{"Title":"one"}]`)
		body := `"Books":[{"Title":"new","Coin":{"@erpnet.action":"create","Sign":"CHF"}}]`
		if got := d.bring(body); got.Err != nil {
			t.Error(got.Err)
		}
		d.shows(books, "LineNo Title", `{"LineNo":10,"Title":"one"}{"LineNo":20,"Title":"new"}`)
		if got := strings.Count(d.listed(coins, "Sign"), "CHF"); got != 1 {
			t.Errorf("%d were made", got)
		}
	})
}

// A collection may have more rows than a page: all of them are found, and all go.
func TestACollectionOfManyRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		var all []string
		for n := range 1500 {
			all = append(all, fmt.Sprintf(`{"Title":"book %d"}`, n))
		}
		shelf := d.create(shelves, `{"Code":"A","Books":[`+strings.Join(all, ",")+`]}`)
		if got := d.bring(`"Books":[{"Title":"book 1400","Pages":9},{"Title":"book 1499","Pages":9}]`); got.Err != nil || !strings.HasPrefix(got.Note, "1498 of Books are not in") {
			t.Errorf("the last are not found: %+v", got)
		}
		d.shows(shelves, "Pages", `{"Pages":1516}`)
		_, err := d.update(shelf, `{"Books":[],"Books@erpnet.missing":"delete"}`)
		must(t, err)
		d.shows(books, "LineNo", ``)
		d.shows(shelves, "Pages", `{"Pages":0}`)
	})
}
