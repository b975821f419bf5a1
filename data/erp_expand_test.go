package data_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// expanded adds a navigation to a query and returns the query of its target.
func expanded(q *query.Query, name, fields string) *query.Query {
	x := &query.Expand{Reference: q.Set.Property(name), Child: q.Set.Child(name)}
	target := x.Reference
	if x.Child != nil {
		x.Query = *queryOf(x.Child.Set.Name, fields)
	} else {
		x.Query = *queryOf(target.Target.Name, fields)
	}
	q.Expand = append(q.Expand, x)
	return &x.Query
}

// bare leaves out the ids, which differ from run to run.
func bare(text string) string {
	text = regexp.MustCompile(`"@odata.type":"[^"]*",`).ReplaceAllString(text, "")
	for {
		i := strings.Index(text, `"@odata.id":"`)
		if i < 0 {
			return strings.ReplaceAll(text, "{,", "{")
		}
		end := i + len(`"@odata.id":"`)
		end += strings.IndexByte(text[end:], '"') + 1
		text = text[:i] + text[end:]
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		for i, customer := range []string{"C1", "C2", "C1"} {
			s.create(orders, fmt.Sprintf(`{"Customer":{"Number":"%s"},"DocumentDate":"2026-01-0%d","Lines":[
				{"LineNo":30,"Product":{"PartNumber":"P1"},"Notes":"c"},{"LineNo":10,"Product":{"PartNumber":"P2"},"Notes":"a"},{"LineNo":20,"Product":{"PartNumber":"P1"},"Notes":"b"}]}`, customer, i+1))
		}
		s.create(orders, `{"Customer":{"Number":"C2"},"DocumentDate":"2026-01-04"}`)
		page := func() *query.Query {
			q := queryOf(orders, "")
			q.Order = []query.Order{{Path: path(q.Set, "DocumentDate")}}
			return q
		}
		for name, c := range map[string]struct {
			shape func(q *query.Query)
			want  string
		}{
			"nested references and children, with what is null": {func(q *query.Query) {
				customer := expanded(q, "Customer", "Number")
				expanded(customer, "Party", "PartyType DisplayText")
				expanded(customer, "DefaultCurrency", "CurrencySign")
				expanded(expanded(q, "Lines", "LineNo"), "Product", "PartNumber")
				q.Limit, q.Offset = 2, 1
			}, `[{"Customer":{"Number":"C2","Party":{"PartyType":"Person","DisplayText":"Paul O'Neil"},"DefaultCurrency":{"CurrencySign":"BGN"}},"Lines":[{"LineNo":10,"Product":{"PartNumber":"P2"}},{"LineNo":20,"Product":{"PartNumber":"P1"}},{"LineNo":30,"Product":{"PartNumber":"P1"}}]},` +
				`{"Customer":{"Number":"C1","Party":{"PartyType":"Company","DisplayText":"Müller & Söhne"},"DefaultCurrency":null},"Lines":[{"LineNo":10,"Product":{"PartNumber":"P2"}},{"LineNo":20,"Product":{"PartNumber":"P1"}},{"LineNo":30,"Product":{"PartNumber":"P1"}}]}]`},
			"some children of each, in an order": {func(q *query.Query) {
				l := expanded(q, "Lines", "Notes")
				l.Limit, l.Order = 2, []query.Order{{Path: path(l.Set, "LineNo"), Descending: true}}
				q.Offset = 2
			}, `[{"Lines":[{"Notes":"c"},{"Notes":"b"}]},{"Lines":[]}]`},
			"children past others": {func(q *query.Query) {
				l := expanded(q, "Lines", "Notes")
				l.Limit, l.Offset = 1, 1
				q.Offset = 2
			}, `[{"Lines":[{"Notes":"b"}]},{"Lines":[]}]`},
			"children that a filter lets through": {func(q *query.Query) {
				l := expanded(q, "Lines", "Notes")
				l.Where = equal(l.Set, "LineNo", model.IntValue(10))
				q.Offset = 2
			}, `[{"Lines":[{"Notes":"a"}]},{"Lines":[]}]`},
			"children of owners of children": {func(q *query.Query) {
				l := expanded(q, "Lines", "LineNo")
				l.Limit = 1
				expanded(expanded(l, "SalesOrder", "DocumentNo"), "Lines", "LineNo").Limit = 2
				q.Limit = 1
			}, `[{"Lines":[{"LineNo":10,"SalesOrder":{"DocumentNo":"0000000001","Lines":[{"LineNo":10},{"LineNo":20}]}}]}]`},
		} {
			q := page()
			c.shape(q)
			if got := bare(s.list(q)); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
			}
		}
	})
}

// TestPagesAreExpandedInParts makes parts of a page expand to too much, and
// then a single row.
func TestPagesAreExpandedInParts(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		for range 7 {
			s.create(orders, `{"Customer":{"Number":"C1"},"Lines":[{"Product":{"PartNumber":"P1"}},{"Product":{"PartNumber":"P2"}}]}`)
		}
		q := queryOf(orders, "DocumentNo")
		expanded(expanded(q, "Lines", "LineNo"), "Product", "PartNumber")
		expanded(q, "Customer", "Number")
		want := s.list(q)
		for _, n := range []int{5, 6, 12, 13, 20} {
			s.SetGathered(n)
			if got := s.list(q); got != want {
				t.Errorf("in parts of %d rows: %s\nat once: %s", n, got, want)
			}
		}
		s.SetGathered(4)
		_, err := listed(t.Context(), s.ERP, q)
		refused(t, err, tandem.CodeInvalid, "$expand reads more than")
	})
}

func TestF33_DeeplyNestedExpandsAreRefused(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := queryOf(orders, "")
		at := q
		for range 7 {
			at = expanded(at, "Parent", "")
		}
		_, err := listed(t.Context(), data.NewERP(db, erpModel), q)
		refused(t, err, tandem.CodeInvalid, "$expand is nested deeper than 6")
	})
}
