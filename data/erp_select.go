package data

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// builder makes one SELECT of a query. All names in its text are of the model,
// and all that a caller gave is in args.
type builder struct {
	e    *ERP
	set  *model.Set
	by   *permission.Rights // nil sees every row
	need permission.Right
	// single says that the query is for one row by its id.
	single bool
	few    []openKeys // where the rows that are seen are few, and found first
	joins  []join
	args   []any
	cells  []string // the expressions selected
	scans  bool     // a condition looks into texts, or rows are counted past
	// narrow are conditions beside those of the query, which follow from them.
	narrow []narrowing
}

// join is a table reached by a reference. The set itself has the alias t0,
// joins[i] the alias t(i+1).
type join struct {
	from      int
	reference *model.Property
	// free joins find rows whoever asks.
	free bool
}

// builder begins a statement for who asks the query.
func (e *ERP) builder(q *query.Query) *builder {
	need := q.Need
	if need == 0 {
		need = permission.Read
	}
	return (&builder{e: e, set: q.Set, by: q.By, need: need, single: single(q)}).begin()
}

// single reports whether a query is for one row by its id: see [query.ByID].
func single(q *query.Query) bool {
	c, ok := q.Where.(*query.Compare)
	return ok && len(c.Path.Refs) == 0 && c.Path.Property == q.Set.ID() && c.Op == odata.Equal && !q.Set.View
}

func alias(n int) string { return "t" + strconv.Itoa(n) }

// follow joins the tables along references and returns the last one's alias; free
// is for rows that who asks need not see.
func (b *builder) follow(refs []*model.Property, free bool) int {
	at := 0
next:
	for _, r := range refs {
		free := free || r.Target.Open(b.by, permission.Read)
		for i, j := range b.joins {
			if j.from == at && j.reference == r && j.free == free {
				at = i + 1
				continue next
			}
		}
		b.joins = append(b.joins, join{at, r, free})
		at = len(b.joins)
	}
	return at
}

// column is the expression of a stored property at a path.
func (b *builder) column(p *model.Path) string {
	last := p.Property
	if n := len(p.Refs); n > 0 && last == p.Refs[n-1].Target.ID() {
		// The id of a referenced row is in the reference: no join.
		return b.at(p.Refs[:n-1], p.Refs[n-1].Column)
	}
	return b.priced(p, b.at(p.Refs, last.Column))
}

func (b *builder) at(refs []*model.Property, column string) string {
	return alias(b.follow(refs, b.by == nil)) + "." + quoted(column)
}

// cell selects an expression, once, and returns where it is in the row.
func (b *builder) cell(expr string) int {
	for i, c := range b.cells {
		if c == expr {
			return i
		}
	}
	b.cells = append(b.cells, expr)
	return len(b.cells) - 1
}

// arg adds a parameter and returns its placeholder.
func (b *builder) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// from is the FROM clause, once all joins are known.
func (b *builder) from() string {
	var s strings.Builder
	s.WriteString(" FROM " + b.set.Table + " AS t0")
	for i, j := range b.joins {
		a := alias(i + 1)
		s.WriteString(" LEFT JOIN " + j.reference.Target.Table + " AS " + a +
			" ON " + a + ".id = " + alias(j.from) + "." + quoted(j.reference.Column))
		if j.free {
			continue
		}
		for _, guard := range b.guards(j.reference.Target, a, permission.Read) {
			s.WriteString(" AND " + guard)
		}
	}
	return s.String()
}

// order is the ORDER BY clause: the keys, then what makes the order total.
// NULLs come first, as SQLite has it.
func (b *builder) order(keys []query.Order) string {
	var parts []string
	for _, k := range keys {
		part := b.ordered(k.Path)
		if k.Descending {
			part += " DESC"
		}
		if b.nullable(k.Path) {
			part += [...]string{" NULLS FIRST", " NULLS LAST"}[toInt(k.Descending)]
		}
		parts = append(parts, part)
	}
	for _, p := range b.e.tables[b.set].keys {
		parts = append(parts, "t0."+p.name)
	}
	return strings.Join(parts, ", ")
}

// ordered is the expression that an order compares: of a text in languages the
// form that is searched, which begins with the default language.
func (b *builder) ordered(p *model.Path) string {
	if p.Property.Kind == model.KindMultiLanguage {
		return b.at(p.Refs, p.Property.Column+"_text")
	}
	return b.column(p)
}

// after is the condition that a row is the one of the query's From, or comes after
// it: it does so in the first key in which they differ, or else by its Id.
func (b *builder) after(q *query.Query) string {
	s := "t0.id >= " + b.arg(q.From)
	for i := len(q.Order) - 1; i >= 0; i-- {
		k, v := q.Order[i], q.FromKey[i]
		e := b.ordered(k.Path)
		switch {
		case v.Null && k.Descending: // nulls are the last
			s = "(" + e + " IS NULL AND " + s + ")"
		case v.Null: // and here the first
			s = "(" + e + " IS NOT NULL OR " + s + ")"
		default:
			at := b.arg(argument(k.Path.Property, v))
			operator, nulls := " > ", ""
			if k.Descending {
				operator = " < "
				if b.nullable(k.Path) {
					nulls = " OR " + e + " IS NULL"
				}
			}
			s = "(" + e + operator + at + nulls + " OR (" + e + " = " + at + " AND " + s + "))"
			if nulls == "" { // lets an index be used
				s = e + operator[:2] + "= " + at + " AND " + s
			}
		}
	}
	return s
}

// nullable reports whether a path may lead nowhere: also where a row is that who asks
// does not see.
func (b *builder) nullable(p *model.Path) bool {
	for _, r := range p.Refs {
		if !r.Required || b.by != nil && !r.Target.Open(b.by, permission.Read) {
			return true
		}
	}
	return p.Property.PricedFrom() > 0 && b.by.Outside() != nil || !p.Property.Required && p.Property.Name != "Id"
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// manySkipped is how many rows may be skipped without it being felt.
const manySkipped = 10_000

// page is the clause that cuts out a page.
func (b *builder) page(q *query.Query) string {
	limit := q.Limit
	if limit == 0 {
		limit = query.MaxPage
	}
	s := " LIMIT " + b.arg(int64(limit))
	if q.Offset > 0 {
		b.scans = b.scans || q.Offset > manySkipped
		s += " OFFSET " + b.arg(int64(q.Offset))
	}
	return s
}

// find selects id and discriminator of the rows of a query.
func (b *builder) find(q *query.Query) (string, error) {
	fields := "1"
	if !q.Set.View {
		fields = "t0.id, 0"
		if q.Set.Abstract {
			fields = "t0.id, t0." + quoted(q.Set.TypeProperty().Column)
		}
	}
	where, err := b.where(q, b.seen(q)...)
	if err != nil {
		return "", err
	}
	order := b.order(q.Order)
	return "SELECT " + fields + b.from() + where + " ORDER BY " + order + b.page(q), nil
}

// count counts the rows of a query.
func (b *builder) count(q *query.Query) (string, error) {
	where, err := b.where(&query.Query{Set: q.Set, Where: q.Where, Search: q.Search}, b.seen(q)...)
	if err != nil {
		return "", err
	}
	return "SELECT COUNT(*)" + b.from() + where, nil
}

// where is the WHERE clause of a query; more are conditions besides.
func (b *builder) where(q *query.Query, more ...string) (string, error) {
	all := append(b.begun(), more...)
	for _, n := range b.narrow {
		all = append(all, b.narrowed(n))
	}
	if q.Set.Base != nil {
		all = append(all, "t0."+quoted(q.Set.TypeProperty().Column)+" = "+b.arg(q.Set.Discriminator))
	}
	if q.Where != nil {
		c, err := b.condition(q.Where)
		if err != nil {
			return "", err
		}
		if c != "" {
			all = append(all, c)
		}
	}
	if q.Search != "" {
		all = append(all, b.search(q.Set, nil, q.Search))
	}
	if q.From != "" {
		all = append(all, b.after(q))
	}
	if len(b.narrow) > 0 {
		b.scans = false
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), nil
}

// condition is a filter as SQL; empty when it is always true.
func (b *builder) condition(x query.Expr) (string, error) {
	switch x := x.(type) {
	case query.And:
		var parts []string
		for _, part := range x {
			c, err := b.condition(part)
			if err != nil {
				return "", err
			}
			if c != "" {
				parts = append(parts, c)
			}
		}
		return strings.Join(parts, " AND "), nil
	case *query.Compare:
		return b.compare(x)
	case *query.In:
		return b.in(x)
	case *query.Match:
		return b.match(x)
	case *query.RefContains:
		return b.search(x.Path.Property.Target, append(x.Path.Refs[:len(x.Path.Refs):len(x.Path.Refs)], x.Path.Property), x.Text), nil
	}
	return "", fmt.Errorf("a filter of the type %T", x)
}

func (b *builder) compare(x *query.Compare) (string, error) {
	p := x.Path.Property
	if !p.Stored() {
		return "", notStored(p)
	}
	c := b.column(x.Path)
	if x.Value.Null {
		return c + " IS NULL", nil
	}
	if x.Fold {
		c = b.compared(x.Path)
		x.Value.Text = model.FoldCase(x.Value.Text)
	}
	s := c + [...]string{odata.Equal: " = ", odata.GreaterOrEqual: " >= ", odata.LessOrEqual: " <= "}[x.Op] + b.arg(argument(p, x.Value))
	if x.OrNull {
		s = "(" + s + " OR " + c + " IS NULL)"
	}
	return s, nil
}

func (b *builder) in(x *query.In) (string, error) {
	p := x.Path.Property
	if !p.Stored() {
		return "", notStored(p)
	}
	if len(x.Values) == 0 {
		return "1 = 0", nil
	}
	args := make([]any, len(x.Values))
	for i, v := range x.Values {
		if x.Fold {
			v.Text = model.FoldCase(v.Text)
		}
		args[i] = argument(p, v)
	}
	if x.Fold {
		return b.among(b.compared(x.Path), args), nil
	}
	return b.among(b.column(x.Path), args), nil
}

// compared is the expression of a string as [model.FoldCase] makes it; indexes are
// of this expression.
func (b *builder) compared(p *model.Path) string {
	if prefix := alias(b.follow(p.Refs, b.by == nil)) + "."; compared(p.Property) {
		return caseless(prefix, p.Property)
	}
	return "lower(" + b.column(p) + ")" // of no string that the model declares
}

// among is `column IN (…)`. The list is filled up with its last value to one
// of a few lengths, so that few texts have to be prepared.
func (b *builder) among(column string, args []any) string {
	n := 1
	for n < len(args) {
		n *= 4
	}
	n = min(n, max(len(args), query.MaxInValues))
	var s strings.Builder
	s.WriteString(column + " IN (")
	for i := range n {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(b.arg(args[min(i, len(args)-1)]))
	}
	s.WriteByte(')')
	return s.String()
}

func (b *builder) match(x *query.Match) (string, error) {
	p := x.Path.Property
	if !p.Stored() {
		return "", notStored(p)
	}
	b.scans = b.scans || x.Func != odata.StartsWith
	if p.Kind == model.KindMultiLanguage {
		return b.e.db.Contains(b.at(x.Path.Refs, p.Column+"_text"), b.arg(model.FoldText(x.Text))), nil
	}
	c, text := b.compared(x.Path), model.FoldCase(x.Text)
	n := int64(len([]rune(text)))
	switch x.Func {
	case odata.Contains:
		return b.e.db.Contains(c, b.arg(text)), nil
	case odata.StartsWith:
		// The bounds let an index be used.
		return "(" + c + " >= " + b.arg(text) + " AND " + c + " < " + b.arg(pastPrefix(text)) +
			" AND substr(" + c + ", 1, " + b.arg(n) + ") = " + b.arg(text) + ")", nil
	case odata.EndsWith:
		return "substr(" + c + ", length(" + c + ") + 1 - " + b.arg(n) + ") = " + b.arg(text), nil
	}
	return "", fmt.Errorf("a match of the kind %d", x.Func)
}

// pastPrefix is a text that comes after all that begin with the prefix, in the
// order of code points, which is that of their bytes.
func pastPrefix(prefix string) string {
	runes := []rune(prefix)
	for i := len(runes) - 1; i >= 0; i-- {
		switch runes[i]++; {
		case runes[i] == 0xD800: // surrogates are no characters
			runes[i] = 0xE000
		case runes[i] > unicode.MaxRune:
			continue
		}
		return string(runes[:i+1])
	}
	return strings.Repeat(string(unicode.MaxRune), 1000) // longer than any string is
}

// search is what $search for the text means for rows of s, which are reached
// by the references.
func (b *builder) search(s *model.Set, by []*model.Property, text string) string {
	words := model.SearchWords(text)
	if len(words) == 0 || len(s.SearchPaths) == 0 {
		return "1 = 0"
	}
	b.scans = true
	all := make([]string, len(words))
	for i, word := range words {
		var parts []string
		for _, p := range s.SearchPaths {
			if !b.shows(p) {
				continue
			}
			refs := append(by[:len(by):len(by)], p.Refs...)
			parts = append(parts, b.e.db.Contains(b.at(refs, p.Property.Column+"_text"), b.arg(word)))
		}
		if len(parts) == 0 {
			return "1 = 0"
		}
		all[i] = "(" + strings.Join(parts, " OR ") + ")"
	}
	return strings.Join(all, " AND ")
}

func notStored(p *model.Property) error {
	return fmt.Errorf("a filter by %s, which no column holds", p.Name)
}
