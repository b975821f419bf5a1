package write_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// The tests write into a small library, which has one of everything that
// writing means: shelves are aggregates with books, and can be locked.

const (
	shelves = "Lib_Shelves"
	books   = "Lib_Books"
	coins   = "Lib_Coins"
)

func library() *write.Model {
	genre := model.NewEnum("Lib_Genre", "Novel", "Atlas")
	return write.NewModel([]write.Declaration{
		{Set: model.Root(coins, "Lib_Coin", "lib_coins").Unguarded().Code("Sign").Unique("Sign").
			With(model.Text("Sign", 4).Required())},
		{
			Set: model.Root(shelves, "Lib_Shelf", "lib_shelves").Unguarded().Code("Code").Named("Name").Display("{Code}").Search("Name").
				Unique("Code").Child("Books", books).Action("Lock", model.Parameter{Name: "why", Type: "Edm.String"}, model.Parameter{Name: "whom", Type: "Edm.String"}).
				With(
					model.Text("Code", 8).Required().CreateOnly(),
					model.Multilingual("Name", 20),
					model.Bool("Locked").Required().By("Lock").Is(model.BoolValue(false)),
					model.Text("Why", 20).By("Lock"),
					model.DateTime("MadeAt").ReadOnly().From(model.FromTime),
					model.Date("MadeOn").From(model.FromDay),
					model.Text("MadeBy", 64).ReadOnly().From(model.FromLogin),
					model.Int("Pages").Required().ReadOnly().Is(model.IntValue(0)),
					model.Ref("Coin", coins),
					model.Ref("Next", shelves),
				),
			Prepare: func(c *write.Change) error {
				if !c.Has("Coin") && !c.Given("Coin") {
					if err := c.First("Coin", "Sign", model.TextValue("EUR")); err != nil {
						return err
					}
				}
				return c.AutoNumber("Code", "S%03d", "")
			},
			Totals: func(c *write.Change) error {
				sum, err := c.SumOfChildren("Books", "Pages")
				c.Put("Pages", model.IntValue(sum))
				return err
			},
			Guard: func(c *write.Change) error {
				if c.SavedValue("Locked").Int != 0 {
					return c.Fail("shelf %s is locked.", c.Get("Code").Text)
				}
				return nil
			},
			Actions: map[string]func(*write.Change, *write.Arguments) error{
				"Lock": func(c *write.Change, args *write.Arguments) error {
					text, err := args.Text("why")
					if err != nil {
						return err
					}
					c.Put("Locked", model.BoolValue(true))
					c.Put("Why", model.TextValue(text))
					return nil
				},
			},
		},
		{
			Set: model.Part(books, "Lib_Book", "lib_books", "Shelf").Code("LineNo").UniqueWithin("shelf", "LineNo", "Shelf").
				With(
					model.Int("LineNo").Required(),
					model.Text("Title", 20).Required(),
					model.OneOf("Genre", genre).Is(model.IntValue(0)),
					model.Int("Pages").Required().Is(model.IntValue(1)),
					model.Decimal("Weight", 5, 2),
					model.Amount("Price", 9, 2, "Coin"),
					model.Amount("Fine", 9, 2, "Shelf.Coin"),
					model.Bool("Thick").ReadOnly(),
					model.Ref("Coin", coins),
					model.Ref("Shelf", shelves),
				),
			Prepare: func(c *write.Change) error { return c.NextLineNo() },
			Compute: func(c *write.Change) error {
				c.Put("Thick", model.BoolValue(c.Get("Pages").Int > 500))
				return nil
			},
			Rules: []write.Rule{{Code: "L1", Text: "A book has pages.", Broken: func(c *write.Change) (bool, error) {
				return c.Get("Pages").Int < 1, nil
			}}},
		},
		{Set: model.Root("Lib_Rules", "Lib_Rule", "lib_coins").Unguarded().ReadOnly().With(model.Text("Sign", 4))},
	}, nil)
}

const migration = `-- +goose Up
CREATE TABLE lib_coins (
	id TEXT PRIMARY KEY, object_version BIGINT NOT NULL, external_id TEXT, external_id_case TEXT, external_system TEXT, external_system_case TEXT,
	aggregate_last_update_time_utc BIGINT NOT NULL, additional_data_json TEXT, sign TEXT NOT NULL, sign_text TEXT
);
CREATE UNIQUE INDEX lib_coins_sign ON lib_coins (sign);
CREATE TABLE lib_shelves (
	id TEXT PRIMARY KEY, object_version BIGINT NOT NULL, external_id TEXT, external_id_case TEXT, external_system TEXT, external_system_case TEXT,
	aggregate_last_update_time_utc BIGINT NOT NULL, additional_data_json TEXT,
	code TEXT NOT NULL, code_text TEXT, name TEXT, name_text TEXT, locked BOOLEAN NOT NULL, why TEXT, made_at BIGINT, made_on BIGINT,
	made_by TEXT, pages BIGINT NOT NULL, coin TEXT REFERENCES lib_coins (id), next TEXT REFERENCES lib_shelves (id)
);
CREATE UNIQUE INDEX lib_shelves_code ON lib_shelves (code);
CREATE TABLE lib_books (
	id TEXT PRIMARY KEY, line_no BIGINT NOT NULL, title TEXT NOT NULL, genre BIGINT, pages BIGINT NOT NULL, weight BIGINT, price BIGINT,
	fine BIGINT, thick BOOLEAN, coin TEXT REFERENCES lib_coins (id), shelf TEXT NOT NULL REFERENCES lib_shelves (id)
);
CREATE UNIQUE INDEX lib_books_line_no ON lib_books (shelf, line_no);
`

var (
	opened = time.Date(2026, 1, 31, 9, 55, 0, 0, time.UTC)
	anna   = write.Platform("7f000000-0000-4000-8000-000000000001", "anna")
)

// desk is where a test hands in its objects.
type desk struct {
	*data.ERP
	t     *testing.T
	model *write.Model
}

// each runs a test on a new library, on every engine.
func each(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		files := fstest.MapFS{"00001_library.sql": {Data: []byte(migration)}}
		if err := db.Migrate(t.Context(), files, "library_schema"); err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, model: library()}
		d.ERP = data.NewERP(db, d.model)
		d.Clock = func() time.Time { return opened }
		d.create(coins, `{"Sign":"EUR"}`)
		d.create(coins, `{"Sign":"BGN"}`)
		test(t, d)
	})
}

func object(t *testing.T, body string) *write.Object {
	t.Helper()
	o, err := write.ReadObject(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return o
}

func (d *desk) write(set, body string) (write.Outcome, error) {
	d.t.Helper()
	return d.Write(d.t.Context(), anna, d.model.Set(set), object(d.t, body))
}

func (d *desk) create(set, body string) model.Entity {
	d.t.Helper()
	out, err := d.write(set, body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", set, body, err)
	}
	return out.Entity
}

// state is what a write did; an error ends the test.
func (d *desk) state(set, body string) write.State {
	d.t.Helper()
	out, err := d.write(set, body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", set, body, err)
	}
	return out.State
}

func (d *desk) update(e model.Entity, body string) (write.Outcome, error) {
	d.t.Helper()
	return d.Update(d.t.Context(), anna, e, write.Condition{}, object(d.t, body))
}

// shows compares the rows of a set, in the order of their code, without their ids.
func (d *desk) shows(set, fields, want string) {
	d.t.Helper()
	if got := d.listed(set, fields); got != want {
		d.t.Errorf("%s\n got %s\nwant %s", set, got, want)
	}
}

func (d *desk) listed(set, fields string) string {
	d.t.Helper()
	s := d.model.Set(set)
	q := &query.Query{Set: s, Fields: []*model.Property{}, Order: []query.Order{{Path: s.Code}}}
	for name := range strings.FieldsSeq(fields) {
		q.Fields = append(q.Fields, s.Must(name))
	}
	var out []string
	err := d.Query(d.t.Context(), q, func(row *query.Row) error {
		row.ID = ""
		out = append(out, string(q.AppendRow(nil, row)))
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Join(out, "")
}

func refused(t *testing.T, err error, code tandem.Code, text string) {
	t.Helper()
	if tandem.ErrorCode(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%s)\nwant %s: …%s…", err, tandem.ErrorCode(err), code, text)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failure is the error of a write whose outcome is not looked at.
func failure(_ write.Outcome, err error) error { return err }
