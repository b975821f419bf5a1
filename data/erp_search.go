package data

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// Searching by an index: of three letters in a row (trigrams), FTS5 on SQLite and
// pg_trgm on PostgreSQL. It only narrows a search to rows that may be found; the
// condition itself decides, so that answers are the same without it.

// smallTables are lists that somebody keeps by hand: they do not grow with the business,
// and are searched without an index.
var smallTables = [...]string{
	"erp_access_keys", "erp_currencies", "erp_customer_types", "erp_document_types", "erp_enterprise_companies", "erp_measurement_categories",
	"erp_product_groups", "erp_product_types", "erp_service_object_types", "erp_service_types", "erp_store_groups",
}

// hasSearchIndex reports whether the rows of a set are searched by an index. Lines and
// other parts are not: they are many, and found by what they are parts of. But for files,
// which are searched by themselves.
func hasSearchIndex(s *model.Set) bool {
	return len(s.SearchPaths) > 0 && (s.Owner == nil || s.Stream != "") && !slices.Contains(smallTables[:], s.Table)
}

// Bounds of what the index finds, for it to be of use: more rows are found as fast
// in the order that is asked for.
const (
	maxNarrowed        = 5_000
	maxNarrowedToCount = 200_000
)

// searchIndex is the index of one table.
type searchIndex struct {
	table   string
	number  int64    // tells its rows from those of others among what waits
	columns []string // expressions of the texts that it has
	ready   atomic.Bool
}

func (s *searchIndex) name() string { return s.table + "_search" }

// searchIndexes are those of the model, by table.
func (e *ERP) searchIndexes() map[string]*searchIndex {
	all := map[string]*searchIndex{}
	for _, s := range e.model.Sets {
		if !hasSearchIndex(s) {
			continue
		}
		x := all[s.Table]
		if x == nil {
			x = &searchIndex{table: s.Table}
			all[s.Table] = x
		}
		for _, p := range s.Properties {
			if !p.Stored() || !e.folded[p] && (!compared(p) || p.Can&model.CanLike == 0) {
				continue
			}
			if column := e.indexedText(p, ""); !slices.Contains(x.columns, column) {
				x.columns = append(x.columns, column)
			}
		}
	}
	return all
}

// inOrder are the indexes in the order of their tables.
func inOrder(all map[string]*searchIndex) []*searchIndex {
	return slices.SortedFunc(maps.Values(all), func(a, b *searchIndex) int { return strings.Compare(a.table, b.table) })
}

// indexedText is the expression that an index has of a property's texts.
func (e *ERP) indexedText(p *model.Property, prefix string) string {
	if e.folded[p] {
		return prefix + quoted(p.Column+"_text")
	}
	return caseless(prefix, p)
}

// caseless is a string as [model.FoldCase] makes it.
func caseless(prefix string, p *model.Property) string {
	return "COALESCE(" + prefix + quoted(p.Column+"_case") + ", lower(" + prefix + quoted(p.Column) + "))"
}

// narrowing is a condition that all rows of an answer fulfil, and an index answers.
type narrowing struct {
	paths []*model.Path // any of them has the text
	text  string
}

// narrow finds what narrows a query to at most so many rows for each text.
func (e *ERP) narrow(ask func(text string, arg any) (int64, error), q *query.Query, most int64) ([]narrowing, error) {
	var useful []narrowing
	for _, n := range e.searches(nil, q) {
		ok, err := e.narrows(ask, q.Set, &n, most)
		if err != nil {
			return nil, err
		}
		if ok {
			useful = append(useful, n)
		}
	}
	return useful, nil
}

// searches are the texts that a query looks for.
func (e *ERP) searches(found []narrowing, q *query.Query) []narrowing {
	if q.Search != "" {
		found = wordsOf(found, nil, q.Set, q.Search)
	}
	return e.searchesOf(found, q.Where)
}

func wordsOf(found []narrowing, by []*model.Property, s *model.Set, text string) []narrowing {
	for _, word := range model.SearchWords(text) {
		n := narrowing{text: word}
		for _, p := range s.SearchPaths {
			n.paths = append(n.paths, &model.Path{Refs: slices.Concat(by, p.Refs), Property: p.Property})
		}
		found = append(found, n)
	}
	return found
}

func (e *ERP) searchesOf(found []narrowing, x query.Expr) []narrowing {
	switch x := x.(type) {
	case query.And:
		for _, part := range x {
			found = e.searchesOf(found, part)
		}
	case *query.RefContains:
		found = wordsOf(found, slices.Concat(x.Path.Refs, []*model.Property{x.Path.Property}), x.Path.Property.Target, x.Text)
	case *query.Match:
		p := x.Path.Property
		switch {
		case x.Func == odata.StartsWith || !p.Stored(): // has an index of its own, or none
		case e.folded[p] && (p.Kind == model.KindMultiLanguage || !strings.ContainsFunc(x.Text, unicode.IsMark)):
			found = append(found, narrowing{[]*model.Path{x.Path}, model.FoldText(x.Text)})
		case !e.folded[p]:
			found = append(found, narrowing{[]*model.Path{x.Path}, model.FoldCase(x.Text)})
		}
	}
	return found
}

// narrows reports whether the indexes answer a condition. Tables without one are
// small: usually they do not have the text, and so do not matter.
func (e *ERP) narrows(ask func(text string, arg any) (int64, error), s *model.Set, n *narrowing, most int64) (bool, error) {
	if len([]rune(n.text)) < 3 || len(n.paths) == 0 {
		return false, nil
	}
	var indexed []*model.Path
	for _, p := range n.paths {
		table := s.Table
		if k := len(p.Refs); k > 0 {
			table = p.Refs[k-1].Target.Table
		}
		x := e.search[table]
		has := x != nil && x.ready.Load() && slices.Contains(x.columns, e.indexedText(p.Property, ""))
		var text string
		var arg any
		switch {
		case has && e.db.Engine == sqldb.PostgreSQL: // whose planner knows how many there are
			indexed = append(indexed, p)
			continue
		case has:
			text, arg = "SELECT COUNT(*) FROM ("+x.places("$1")+" LIMIT "+itoa(most+1)+")", e.sought(n.text)
		case len(p.Refs) == 0:
			return false, nil
		default:
			text, arg = "SELECT COUNT(*) FROM (SELECT 1 FROM "+table+" WHERE "+e.db.Contains(e.indexedText(p.Property, ""), "$1")+" LIMIT 1) AS found", n.text
		}
		found, err := ask(text, arg)
		if err != nil || found > most || !has && found > 0 {
			return false, err
		}
		if has {
			indexed = append(indexed, p)
		}
	}
	n.paths = indexed
	return len(indexed) > 0, nil
}

// leaf is the condition that a row may have the text in a property, by the index.
func (e *ERP) leaf(x *searchIndex, p *model.Property, prefix, arg string) string {
	if e.db.Engine == sqldb.PostgreSQL {
		return e.indexedText(p, prefix) + " LIKE " + arg
	}
	return prefix + "rowid IN (" + x.places(arg) + ")"
}

// places are those of the rows that may have the text, on SQLite: which the index
// has with it, and which wait. They come one after another, so that who counts them
// can stop while millions wait.
func (s *searchIndex) places(arg string) string {
	return "SELECT rowid FROM " + s.name() + " WHERE " + s.name() + " MATCH " + arg +
		" UNION ALL SELECT place FROM erp_search_waiting WHERE number = " + itoa(s.number)
}

// sought is the argument of a leaf: a pattern of LIKE, or some of the trigrams that
// the text has, all of which a row must have.
func (e *ERP) sought(text string) string {
	if e.db.Engine == sqldb.PostgreSQL {
		return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	}
	const most = 8
	runes := []rune(text)
	var all []string
	step := max(3, len(runes)/most)
	for i := 0; ; i += step {
		i = min(i, len(runes)-3)
		all = append(all, `"`+strings.ReplaceAll(string(runes[i:i+3]), `"`, `""`)+`"`)
		if i == len(runes)-3 {
			return strings.Join(all, " AND ")
		}
	}
}

// narrowed is a narrowing as a condition of t0.
func (b *builder) narrowed(n narrowing) string {
	arg := b.arg(b.e.sought(n.text))
	var parts []string
	for _, p := range n.paths {
		if part := b.e.reached("t0.", b.set, p.Refs, p.Property, arg); !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

func (e *ERP) reached(prefix string, s *model.Set, refs []*model.Property, p *model.Property, arg string) string {
	if len(refs) == 0 {
		return e.leaf(e.search[s.Table], p, prefix, arg)
	}
	to := refs[0].Target
	return prefix + quoted(refs[0].Column) + " IN (SELECT id FROM " + to.Table + " WHERE " + e.reached("", to, refs[1:], p, arg) + ")"
}

// narrowFor is narrow for a reader.
func (e *ERP) narrowFor(ctx context.Context, q *query.Query, most int64) ([]narrowing, error) {
	return e.narrow(func(text string, arg any) (int64, error) { return e.number(ctx, text, []any{arg}) }, q, most)
}
