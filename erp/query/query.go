package query

import (
	"context"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Bounds of a query; past them is a 400.
const (
	// MaxPage is the most rows of one page.
	MaxPage = 1000
	// MaxExpandDepth is how deep expands may nest.
	MaxExpandDepth = 6
	// MaxInValues is the most values that a store lists in one statement; the
	// grammar takes fewer in one in (…).
	MaxInValues = 1000
	// MaxConditions is the most conditions of one filter.
	MaxConditions = 100
	// MaxChildRows is the most rows of one child collection in one row; a store
	// refuses to show a part of more as if it was all.
	MaxChildRows = 10000
)

// Query is a resolved question: every name in it is a pointer into the model,
// so that a store can make SQL of it without seeing what a caller typed. [Resolve]
// makes one of what a caller asks, after checking capabilities and types.
type Query struct {
	Set *model.Set
	// By are the rights of who asks: a store yields, counts and follows only rows
	// that they let be seen. Nil sees every row, and is for the platform itself and
	// for what a rule has to know.
	By *permission.Rights
	// Need is what By must allow with the rows; 0 means to read them.
	Need permission.Right
	// Fields are what a row holds, in the order of the response; nil means
	// Set.DefaultFields(). Properties of an [Expand] need not be in it.
	Fields []*model.Property
	// Where is the filter; nil means all rows.
	Where Expr
	// Search is $search: all of its words are in Set.SearchPaths, each in any of
	// them: see [model.SearchWords].
	Search string
	// Order is $orderby. Rows that are equal in it come in the order of Id.
	Order []Order
	// Limit is the most rows to yield; 0 means [MaxPage]. To learn whether
	// there is a next page ask for one row more than the page has.
	Limit int
	// Offset skips rows; for pages of ordered queries and of views.
	Offset int
	// From is the first row to yield (inclusive): its Id and, where there is an
	// Order, its [Row].Key. The row need not be there any more. Views have no Id.
	From string
	// FromKey are the values of the row From in Order.
	FromKey []model.Value
	// Expand are the navigations to show in place.
	Expand []*Expand
	// SkipNulls makes AppendRow drop properties that are null
	// (options=skipnulls).
	SkipNulls bool
	// Form is how AppendRow writes the rows.
	Form Form
	// Versions asks for the version of each row, for its ETag; expansions ask
	// for themselves.
	Versions bool
}

// Form is a form of the JSON of rows (OData JSON Format 4.0, section 3).
type Form struct {
	// NoMetadata leaves out what describes the rows: odata.metadata=none.
	NoMetadata bool
	// Compatible writes numbers that may have more digits than a double as
	// texts: IEEE754Compatible=true.
	Compatible bool
}

// Expand is one navigation of a query: a reference, or a child collection.
// All rows of one level are read with one statement, those of a reference at the
// top together with the rows that refer to them.
type Expand struct {
	// Reference or Child is set, not both.
	Reference *model.Property
	Child     *model.Child
	// Query is what to read of the target: Set, Fields and Expand, and for
	// children also Where, Order, Offset and Limit (rows for each parent; 0 means
	// [MaxChildRows]). Children come in the order of LineNo, or else of Id,
	// unless Order says otherwise. A reference's Set is the target, also when
	// that is abstract: then rows hold the properties of the base.
	Query Query
}

// Order is one key of $orderby.
type Order struct {
	Path       *model.Path
	Descending bool
}

// Row is one row that a store yields. It and everything in it belong to the
// store and are good only until the callback returns.
type Row struct {
	// Hidden rows are referred to, and are not for who asks: only ID is set.
	Hidden bool
	// Set is the concrete set of the row.
	Set *model.Set
	// ID is the row's GUID; empty in views.
	ID string
	// Version is the ObjectVersion of the row's aggregate; 0 where the query does
	// not ask for it, and for sets that keep none.
	Version int64
	// Key are the values that Order compares, of rows that are not expanded.
	Key []model.Value
	// Values are in the order of the query's Fields.
	Values []model.Value
	// Expanded are in the order of the query's Expand: for a reference the
	// one row, or none when it is null; for a child collection its rows.
	Expanded [][]Row
}

// Reader answers queries. [tandem.Error] says what is wrong with a query; other
// errors are faults.
type Reader interface {
	// Query yields the rows in order. An error of each ends the query and is
	// returned.
	Query(ctx context.Context, q *Query, each func(*Row) error) error
	// Count is how many rows the filter and search of q match; paging and
	// order are ignored.
	Count(ctx context.Context, q *Query) (int64, error)
}

// ByID is the query for one row.
func ByID(s *model.Set, id string) *Query {
	return &Query{Set: s, Where: Equal(s.ID(), model.TextValue(id)), Limit: 1}
}

// WithID adds the Id to what is shown of a row, before everything else.
func (q *Query) WithID() {
	id := q.Set.ID()
	if id == nil || slices.Contains(q.Fields, id) {
		return
	}
	fields := q.Fields
	if fields == nil {
		fields = q.Set.DefaultFields()
	}
	q.Fields = append([]*model.Property{id}, fields...)
}

// Check reports what a store cannot answer; stores call it first.
func (q *Query) Check() error { return q.check(0) }

func (q *Query) check(depth int) error {
	if depth > MaxExpandDepth {
		return invalid("$expand is nested deeper than %d levels; read the rest with a second request.", MaxExpandDepth)
	}
	if q.From != "" && (len(q.FromKey) != len(q.Order) || q.Set.View) {
		return invalid("The $skiptoken is not one of this query; take it from an @odata.nextLink, unchanged.")
	}
	if q.Offset < 0 || q.Limit < 0 {
		return invalid("$top and $skip cannot be negative.")
	}
	if n := len(model.SearchWords(q.Search)); n > model.MaxWords {
		return invalid("$search has %d words; at most %d are allowed.", n, model.MaxWords)
	}
	for _, f := range q.Fields {
		if q.Set.Property(f.Name) != f {
			return tandem.Errorf(tandem.CodeInternal, "field %s is not of %s", f.Name, q.Set.Name)
		}
	}
	if n := conditions(q.Where); n > MaxConditions {
		return invalid("$filter has %d conditions; at most %d are allowed. Use in (…) to list values.", n, MaxConditions)
	}
	for _, x := range q.Expand {
		if err := x.Query.check(depth + 1); err != nil {
			return err
		}
	}
	return nil
}
