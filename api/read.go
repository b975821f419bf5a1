package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// collection serves GET Set.
func (t *target) collection(w http.ResponseWriter, r *http.Request) error {
	return t.rows(w, r, t.set, t.set.Name, nil)
}

// rows answers with a page of a set. resource is the path of the page below
// the root, and within narrows the set to the children of one row.
func (t *target) rows(w http.ResponseWriter, r *http.Request, set *model.Set, resource string, within query.Expr) error {
	options, err := odata.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	q, err := query.Resolve(set, options, grantedTo(r))
	if err != nil {
		return err
	}
	q.Where = both(within, q.Where)
	if err := startAt(q, options); err != nil {
		return err
	}
	if err := limitPage(w, r, options); err != nil {
		return err
	}
	if q.Form, err = formOf(r); err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	out := newResponse(w, r, http.StatusOK).in(q.Form)
	if err := t.page(ctx, out, q, options, resource); err != nil {
		return out.fail(err, t.logBroken(r))
	}
	return out.done()
}

// both is the condition that holds where a and b hold; nil always holds.
func both(a, b query.Expr) query.Expr {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return query.And{a, b}
}

// page writes the envelope and the rows of one page. It asks for one row more
// than it shows, to know whether there is a next page. A page also ends before
// the row that would make the response too large.
func (t *target) page(ctx context.Context, out *response, q *query.Query, options *odata.Query, resource string) error {
	out.str("{")
	if !q.Form.NoMetadata {
		out.str(`"@odata.context":`)
		out.url(t.root(), "$metadata#", q.Set.Name)
		out.str(",")
	}
	if options.Count {
		n, err := t.Store.Count(ctx, q)
		if err != nil {
			return err
		}
		out.str(`"@odata.count":`)
		if q.Form.Compatible { // an Edm.Int64
			out.str(`"` + strconv.FormatInt(n, 10) + `",`)
		} else {
			out.str(strconv.FormatInt(n, 10) + ",")
		}
	}
	out.str(`"value":[`)
	link := ""
	if options.Top > 0 {
		shown, budget := 0, query.NewBudget()
		q.Limit = options.Top + 1
		err := t.Store.Query(ctx, q, func(row *query.Row) error {
			if fits := budget.Take(row); !fits && shown == 0 {
				return q.TooMuch()
			} else if !fits || shown == options.Top {
				link = t.nextPage(resource, options, shown, skipToken(q, row))
				return errPageEnds
			}
			if shown > 0 {
				out.str(",")
			}
			shown++
			out.buf = q.AppendRow(out.buf, row)
			return out.spill(ctx)
		})
		if err != nil && !errors.Is(err, errPageEnds) {
			return err
		}
	}
	out.str("]")
	if link != "" {
		out.str(`,"@odata.nextLink":`)
		out.url(link)
	}
	out.str("}")
	return nil
}

// errPageEnds tells the store that the page needs no more rows.
var errPageEnds = errors.New("the page ends")

// logBroken logs why a response was broken off.
func (d *Domain) logBroken(r *http.Request) func(error) {
	return func(err error) {
		Errors{Log: d.Log}.log().ErrorContext(r.Context(), "answer broken off", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}

// count serves GET Set/$count with a plain number.
func (t *target) count(w http.ResponseWriter, r *http.Request) error {
	return t.countOf(w, r, t.set, nil)
}

func (t *target) countOf(w http.ResponseWriter, r *http.Request, set *model.Set, within query.Expr) error {
	options, err := odata.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for _, o := range options.Given {
		switch o.Name {
		case "$select", "$expand", "$orderby", "$top", "$skip", "$skiptoken":
			return invalid("%s has no meaning for $count; it takes $filter and $search.", o.Name)
		}
	}
	q, err := query.ResolveCount(set, options, grantedTo(r))
	if err != nil {
		return err
	}
	q.Where = both(within, q.Where)
	ctx, cancel := t.bounded(r)
	defer cancel()
	n, err := t.Store.Count(ctx, q)
	if err != nil {
		return err
	}
	return plain(w, r, "text/plain;charset=utf-8", strconv.AppendInt(nil, n, 10))
}

// entity serves GET Set(guid).
func (t *target) entity(w http.ResponseWriter, r *http.Request) error {
	return t.one(w, r, http.StatusOK, model.Entity{Set: t.set, ID: t.path.Key})
}

// ofOneRow reports whether the response is what the version of the row says: that says
// nothing of what is expanded, of texts made of other rows, and of attributes that were
// hidden from the account or are now.
func ofOneRow(q *query.Query) bool {
	return len(q.Expand) == 0 && !q.Set.Hides(q.By) && !slices.ContainsFunc(q.Fields, func(p *model.Property) bool { return p.Format != nil })
}

// one answers with one row, shaped as the query string says. Rows that are not
// there are 404. What was written is shown with its Id, which is how clients that
// know of keys only learn what they have made.
func (t *target) one(w http.ResponseWriter, r *http.Request, status int, e model.Entity) error {
	options, err := odata.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	var q *query.Query
	if e.Set.View {
		q, err = query.ResolveKey(e.Set, t.path.Parameters, options, grantedTo(r))
	} else {
		q, err = query.ResolveRow(e.Set, e.ID, options, grantedTo(r))
	}
	if err != nil {
		return err
	}
	if ScopeFor(r.Method) == tandem.ScopeUpdate && !options.Has("$select") {
		q.WithID()
	}
	if q.Form, err = formOf(r); err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	out := newResponse(w, r, status).in(q.Form)
	found, same := false, false
	err = t.Store.Query(ctx, q, func(row *query.Row) error {
		found = true
		if !query.NewBudget().Take(row) {
			return q.TooMuch()
		}
		if row.Version > 0 {
			w.Header().Set("ETag", entityTag(row.Version))
		}
		same = ScopeFor(r.Method) == tandem.ScopeRead && e == t.self() && ofOneRow(q) && unchanged(r, row.Version)
		if q.Form.NoMetadata {
			out.buf = q.AppendRow(out.buf, row)
			return nil
		}
		out.str(`{"@odata.context":`)
		out.url(t.root(), "$metadata#", e.Set.Name, "/$entity")
		at := len(out.buf)
		out.buf = q.AppendRow(out.buf, row)
		if len(out.buf) == at+len("{}") { // of a view, whose attributes are all hidden
			out.buf = append(out.buf[:at], '}')
			return nil
		}
		out.buf[at] = ',' // in the place of the row's brace
		return nil
	})
	if err == nil && !found {
		err = notFound("There is no such row of %s.", e.Set.Name)
		if e.ID != "" {
			err = notFound("There is no %s.", e)
		}
	}
	if err != nil {
		return out.fail(err, t.logBroken(r))
	}
	if same {
		out.release()
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return out.done()
}
