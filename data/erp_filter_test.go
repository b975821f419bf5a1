package data_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// world is every row of a store, loaded one by one, to ask the same questions
// of it in plain Go.
type world struct {
	bySet map[*model.Set][]*model.Record
	byID  map[string]*model.Record
}

func loadWorld(t *testing.T, s *shop) *world {
	t.Helper()
	w := &world{map[*model.Set][]*model.Record{}, map[string]*model.Record{}}
	must(t, s.Transact(t.Context(), func(tx write.Tx) error {
		for _, set := range erpModel.Sets {
			if set.View {
				continue
			}
			found, err := tx.Find(&query.Query{Set: set, Limit: 100000})
			if err != nil {
				return err
			}
			for _, e := range found {
				r, err := tx.Load(set, e.ID, false)
				if err != nil {
					return err
				}
				w.bySet[set] = append(w.bySet[set], r)
				w.byID[e.ID] = r
			}
		}
		return nil
	}))
	return w
}

func (w *world) value(r *model.Record, p *model.Path) model.Value {
	for _, ref := range p.Refs {
		v := r.Values[ref.Index]
		if v.Null {
			return model.NullValue
		}
		r = w.byID[v.Text]
	}
	return r.Values[p.Property.Index]
}

func (w *world) holds(r *model.Record, x query.Expr) bool {
	switch x := x.(type) {
	case query.And:
		return !slices.ContainsFunc(x, func(part query.Expr) bool { return !w.holds(r, part) })
	case *query.Compare:
		v := w.value(r, x.Path)
		switch {
		case x.Value.Null:
			return v.Null
		case v.Null:
			return x.OrNull
		}
		c := compareValues(x.Path.Property, folded(v, x.Fold), folded(x.Value, x.Fold))
		return x.Op == odata.Equal && c == 0 || x.Op == odata.GreaterOrEqual && c >= 0 || x.Op == odata.LessOrEqual && c <= 0
	case *query.In:
		v := w.value(r, x.Path)
		return !v.Null && slices.ContainsFunc(x.Values, func(o model.Value) bool {
			return compareValues(x.Path.Property, folded(v, x.Fold), folded(o, x.Fold)) == 0
		})
	case *query.Match:
		v := w.value(r, x.Path)
		if v.Null {
			return false
		}
		if x.Path.Property.Kind == model.KindMultiLanguage {
			return inAnyLanguage(v.Text, x.Text)
		}
		return map[odata.Function]func(string, string) bool{
			odata.Contains: strings.Contains, odata.StartsWith: strings.HasPrefix, odata.EndsWith: strings.HasSuffix,
		}[x.Func](model.FoldCase(v.Text), model.FoldCase(x.Text))
	case *query.RefContains:
		v := w.value(r, x.Path)
		return !v.Null && w.found(w.byID[v.Text], x.Path.Property.Target, x.Text)
	}
	panic(fmt.Sprintf("a filter %T", x))
}

func (w *world) found(r *model.Record, s *model.Set, text string) bool {
	words := model.SearchWords(text)
	return len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool {
		return !slices.ContainsFunc(s.SearchPaths, func(p *model.Path) bool {
			v := w.value(r, p)
			if p.Property.Kind == model.KindMultiLanguage {
				return !v.Null && inAnyLanguage(v.Text, word)
			}
			return !v.Null && strings.Contains(model.FoldText(v.Text), word)
		})
	})
}

var languages = []string{"EN", "BG", "DE"}

func inAnyLanguage(stored, text string) bool {
	return slices.ContainsFunc(languages, func(l string) bool {
		return strings.Contains(model.FoldText(model.Translation(stored, l)), model.FoldText(text))
	})
}

// folded is a value as a comparison that folds sees it.
func folded(v model.Value, fold bool) model.Value {
	if fold {
		v.Text = model.FoldCase(v.Text)
	}
	return v
}

func compareValues(p *model.Property, a, b model.Value) int {
	switch p.Kind {
	case model.KindString, model.KindMultiLanguage, model.KindGUID, model.KindReference:
		return strings.Compare(a.Text, b.Text)
	}
	return cmp.Compare(a.Int, b.Int)
}

// answer is the ids that a query must give, in order.
func (w *world) answer(q *query.Query) []string {
	var rows []*model.Record
	for _, r := range w.bySet[q.Set] {
		if (q.Where == nil || w.holds(r, q.Where)) && (q.Search == "" || w.found(r, q.Set, q.Search)) && r.ID >= q.From {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *model.Record) int {
		for _, o := range q.Order {
			x, y := w.value(a, o.Path), w.value(b, o.Path)
			c := 0
			switch {
			case x.Null || y.Null: // nulls come first
				c = cmp.Compare(bit(!x.Null), bit(!y.Null))
			default:
				c = compareValues(o.Path.Property, x, y)
			}
			if o.Descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return strings.Compare(a.ID, b.ID)
	})
	var ids []string
	for _, r := range rows[min(q.Offset, len(rows)):] {
		if len(ids) < q.Limit {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// oddities are texts that trip what is careless with text.
var oddities = []string{"", "a", "A", "Ä", "ä", "Straße", "ΚΑΡΡΆΣ", "ябъл", "ЯБЪЛ", "'", `"`, `\`, "%", "_", "*", "?", "[a]", "$1", "--", ";", "'; DROP TABLE x; --", "\U0001F600", " ", "1", "0"}

// odd fills a shop with rows whose values repeat, differ little, or miss.
func odd(s *shop) {
	var n int
	pick := func(list []string) string { n++; return list[n*7%len(list)] }
	quote := func(v string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) }
	series := len(s.ids(&query.Query{Set: erpModel.Set(product), Fields: []*model.Property{}, Limit: 1000}))
	for i := range 40 {
		i += series
		s.now.Add(int64(i) * 3_600_000_000)
		s.create(product, fmt.Sprintf(`{"PartNumber":"%s %d","Name":{"EN":"n%s","BG":"%s"},"ProductGroup":{"Code":"G1"},"Active":%t,"ShowInCatalog":%t,"ABCClass":%s,"StandardPricePerLot":{"Value":%d},"ExternalId":%s,"ShortName":%s}`,
			quote(pick(oddities)), i, quote(pick(oddities)), quote(pick(oddities)), i%3 == 0, i%2 == 0, []string{`"A"`, `"B"`, `null`}[i%3], i%5,
			[]string{"null", fmt.Sprintf(`"x%d"`, i)}[i%2], []string{"null", `{"EN":"short"}`}[i%2]))
		if i%4 == 0 {
			s.create("Crm_Sales_Customers", fmt.Sprintf(`{"Number":"%d%s","Active":%t,"CreditLimit":%s,"Party":{"@odata.type":"Erp.General_Contacts_Company","@erpnet.action":"create","Name":{"EN":"%s%[1]d"},"RegistrationNumber":%[6]s},"FromDate":null}`,
				i, quote(pick(oddities[:8])), i%8 == 0, []string{"null", `{"Value":12.5}`}[i/4%2], quote(pick(oddities)), []string{"null", fmt.Sprintf(`"R%d"`, i)}[i/4%2]))
		}
	}
	customers := []string{"C1", "C2"}
	for i := range 30 {
		s.create(orders, fmt.Sprintf(`{"Customer":{"Number":"%s"},"DocumentDate":"2026-02-%02d","CustomerPurchaseOrderNo":%s,"RequiredDeliveryDate":%s,"Lines":[{"Product":{"PartNumber":"P%d"},"Quantity":{"Value":%d},"UnitPrice":{"Value":1.25}},{"Product":{"PartNumber":"P1"},"RequiredDeliveryDate":"2026-03-0%[7]d"}]}`,
			customers[i%2], i%9+1, []string{"null", `"` + quote(oddities[i%len(oddities)]) + `"`}[i%2], []string{"null", `"2026-03-01"`}[i/2%2], i%2+1, i%4, i%9+1))
	}
}

// asked draws a question about a set.
func asked(t *rapid.T, w *world) *query.Query {
	set := erpModel.Set(rapid.SampledFrom([]string{
		product, orders, lines, "Crm_Sales_Customers", "General_Contacts_Parties", "General_Contacts_Companies",
		"General_Contacts_Persons", "Systems_Security_Users", "General_Products_MeasurementUnits", "General_EnterpriseCompanies",
	}).Draw(t, "set"))
	q := &query.Query{Set: set, Limit: rapid.IntRange(1, 60).Draw(t, "limit")}
	var where query.And
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		where = append(where, condition(t, w, set))
	}
	if len(where) > 0 {
		q.Where = where
	}
	if rapid.IntRange(0, 3).Draw(t, "search") == 0 {
		q.Search = rapid.SampledFrom(oddities).Draw(t, "text")
	}
	for range rapid.IntRange(0, 2).Draw(t, "keys") {
		p := stored(t, set, nil)
		if p.Property.Kind != model.KindMultiLanguage && p.Property.Kind != model.KindReference {
			q.Order = append(q.Order, query.Order{Path: p, Descending: rapid.Bool().Draw(t, "descending")})
		}
	}
	if len(q.Order) == 0 && rapid.Bool().Draw(t, "keyset") {
		if rows := w.bySet[set]; len(rows) > 0 {
			q.From = rows[rapid.IntRange(0, len(rows)-1).Draw(t, "from")].ID
		}
	} else {
		q.Offset = rapid.IntRange(0, 5).Draw(t, "offset")
	}
	return q
}

// stored draws a path to a property that has a column, and that can be compared when it
// is a string.
func stored(t *rapid.T, set *model.Set, refs []*model.Property) *model.Path {
	p := rapid.SampledFrom(set.Properties).Draw(t, "property")
	for !p.Stored() || p.Kind == model.KindString && p.Can == 0 {
		p = set.Properties[(p.Index+1)%len(set.Properties)]
	}
	if p.IsReference() && len(refs) < 3 && rapid.Bool().Draw(t, "follow") {
		return stored(t, p.Target, append(slices.Clone(refs), p))
	}
	return &model.Path{Refs: refs, Property: p}
}

func condition(t *rapid.T, w *world, set *model.Set) query.Expr {
	p := stored(t, set, nil)
	fold := p.Property.Kind == model.KindString && p.Property.Can&(model.CanEq|model.CanIn) != 0 && rapid.IntRange(0, 2).Draw(t, "fold") > 0
	some := func() model.Value { // that a row has, mostly
		rows := w.bySet[set]
		if len(rows) > 0 && rapid.IntRange(0, 9).Draw(t, "of a row") > 0 {
			if v := w.value(rows[rapid.IntRange(0, len(rows)-1).Draw(t, "row")], p); !v.Null {
				if fold {
					v.Text = otherCase(t, v.Text)
				}
				return v
			}
		}
		if p.Property.Kind == model.KindBool {
			return model.BoolValue(rapid.Bool().Draw(t, "bool"))
		}
		return model.Value{Text: rapid.SampledFrom(oddities).Draw(t, "text"), Int: rapid.Int64Range(-3, 3).Draw(t, "int")}
	}
	text := func() string {
		if v := []rune(otherCase(t, some().Text)); len(v) > 0 && p.Property.Kind != model.KindMultiLanguage {
			from := rapid.IntRange(0, len(v)-1).Draw(t, "from")
			return string(v[from:rapid.IntRange(from, len(v)).Draw(t, "to")])
		}
		return rapid.SampledFrom(oddities).Draw(t, "text")
	}
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	switch {
	case p.Property.IsReference() && kind == 0:
		return &query.RefContains{Path: p, Text: text()}
	case p.Property.Kind == model.KindMultiLanguage && kind < 4:
		return &query.Match{Path: p, Func: odata.Contains, Text: rapid.SampledFrom(oddities).Draw(t, "text")}
	case p.Property.Kind == model.KindString && kind < 2:
		return &query.Match{Path: p, Func: rapid.SampledFrom([]odata.Function{odata.Contains, odata.StartsWith, odata.EndsWith}).Draw(t, "function"), Text: text()}
	case kind == 2:
		in := &query.In{Path: p, Fold: fold}
		for range rapid.IntRange(0, 6).Draw(t, "values") {
			in.Values = append(in.Values, some())
		}
		return in
	case kind == 3:
		return &query.Compare{Path: p, Value: model.NullValue}
	}
	op := rapid.SampledFrom([]odata.Operator{odata.Equal, odata.GreaterOrEqual, odata.LessOrEqual}).Draw(t, "op")
	if p.Property.Kind == model.KindBool {
		op = odata.Equal
	}
	return &query.Compare{Path: p, Op: op, Value: some(), OrNull: rapid.Bool().Draw(t, "or null"), Fold: fold && op == odata.Equal}
}

// otherCase is the same text to [model.SameText].
func otherCase(t *rapid.T, text string) string {
	return rapid.SampledFrom([]func(string) string{
		strings.ToUpper, strings.ToLower, norm.NFD.String, func(s string) string { return s },
	}).Draw(t, "case")(text)
}

// TestQueriesAnswerAsPlainGo asks random questions of the store and of its
// rows in memory.
func TestQueriesAnswerAsPlainGo(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.index()
		odd(s)
		_, err := s.IndexWaiting(t.Context())
		must(t, err)
		odd(s) // and these wait
		s.SkipFrom(2)
		w := loadWorld(t, s)
		bare := data.NewERP(db, erpModel) // without an index
		ctx := t.Context()
		hits := 0
		rapid.Check(t, func(rt *rapid.T) {
			q := asked(rt, w)
			q.Fields = []*model.Property{}
			var got []string
			var keys [][]model.Value
			if err := s.Query(ctx, q, func(r *query.Row) error {
				got, keys = append(got, strings.Clone(r.ID)), append(keys, slices.Clone(r.Key))
				return nil
			}); err != nil {
				rt.Fatal(err)
			}
			want := w.answer(q)
			if !slices.Equal(got, want) {
				rt.Fatalf("%s %s\n got %v\nwant %v", q.Set.Name, spelled(q), got, want)
			}
			var same []string
			if err := bare.Query(ctx, q, func(r *query.Row) error { same = append(same, strings.Clone(r.ID)); return nil }); err != nil || !slices.Equal(same, got) {
				rt.Fatalf("%s %s\nwith an index %v\nwithout %v %v", q.Set.Name, spelled(q), got, same, err)
			}
			if len(got) > 0 {
				hits++
				// From any row on come the rows that came from there before.
				at := rapid.IntRange(0, len(got)-1).Draw(rt, "from")
				rest := *q
				rest.Offset, rest.Limit, rest.From, rest.FromKey = 0, len(got)-at, got[at], keys[at]
				if after := s.ids(&rest); !slices.Equal(after, got[at:]) {
					rt.Fatalf("%s %s from %v\n got %v\nwant %v", q.Set.Name, spelled(q), keys[at], after, got[at:])
				}
			}
			whole := *q
			whole.Offset, whole.Limit, whole.From = 0, 1_000_000, ""
			if n, err := s.Count(ctx, &whole); err != nil || n != int64(len(w.answer(&whole))) {
				rt.Fatalf("count %d, %v, want %d", n, err, len(w.answer(&whole)))
			}
		})
		if hits < 20 {
			t.Errorf("only %d questions had an answer", hits)
		}
	})
}

func spelled(q *query.Query) string {
	var b strings.Builder
	if where, ok := q.Where.(query.And); ok {
		for _, x := range where {
			fmt.Fprintf(&b, "%T%+v ", x, x)
			if c, ok := x.(*query.Compare); ok {
				b.WriteString(c.Path.String() + " ")
			}
		}
	}
	for _, o := range q.Order {
		fmt.Fprintf(&b, "by %s %t ", o.Path, o.Descending)
	}
	return fmt.Sprintf("%s search %q from %s limit %d offset %d", b.String(), q.Search, q.From, q.Limit, q.Offset)
}
