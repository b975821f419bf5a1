package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/printout"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// member serves Set(guid)/Name: a reference, a child collection, or an action
// of the row.
func (t *target) member(w http.ResponseWriter, r *http.Request) error {
	if t.set.View {
		return notFound("The rows of %s have no Id; use $filter.", t.set.Name)
	}
	name := t.path.Member
	child, reference := t.set.Child(name), t.set.Property(name)
	switch {
	case name == t.set.Stream && name != "" && t.path.Parameters == nil:
		return t.stream(w, r)
	case t.path.MemberValue:
		return notFound("%s: %s has no bytes of its own; read the row with $select.", t.set.Name, name)
	case name == dataObject && t.set.TakesFiles() && len(t.path.Parameters) == 0 && t.path.Cast == "" && !t.path.MemberCount:
		return t.dataObject(w, r)
	case name == printouts.Name && printout.Offered(t.set.Name) && t.path.Parameters == nil && t.path.Cast == "" && !t.path.MemberCount:
		return methods{"POST": t.printout}.serve(w, r)
	case slices.Contains(t.set.Functions, name) && len(t.path.Parameters) == 0 && t.path.Cast == "" && !t.path.MemberCount:
		return methods{"GET": t.ask}.serve(w, r)
	case t.path.Parameters != nil:
		return notFound("%s has no function %s.", t.set.Name, name)
	case child != nil:
		return t.children(w, r, child)
	case t.set.Action(name) != nil && t.path.Cast == "" && !t.path.MemberCount:
		return methods{"POST": t.action}.serve(w, r)
	case reference == nil:
		return notFound("%s has no navigation property and no action %q; $metadata lists them.", t.set.Name, name)
	case !reference.IsReference():
		return notFound("%s: %s is not a navigation property; use $select=%[2]s.", t.set.Name, name)
	case t.path.MemberCount:
		return notFound("%s: %s is one row, and $count is for collections.", t.set.Name, name)
	}
	return methods{"GET": func(w http.ResponseWriter, r *http.Request) error {
		return t.follow(w, r, reference)
	}}.serve(w, r)
}

// children serves Set(guid)/Lines: a page of them, their number, or a new one.
func (t *target) children(w http.ResponseWriter, r *http.Request, child *model.Child) error {
	if t.path.Cast != "" {
		return notFound("The rows of %s are all of one type.", child.Name)
	}
	if err := child.Set.Permit(grantedTo(r), permission.Read); err != nil {
		return err
	}
	read := func(w http.ResponseWriter, r *http.Request) error {
		if err := t.exists(r); err != nil {
			return err
		}
		within := query.Equal(child.Owner, model.TextValue(t.path.Key))
		if t.path.MemberCount {
			return t.countOf(w, r, child.Set, within)
		}
		return t.rows(w, r, child.Set, t.self().String()+"/"+child.Name, within)
	}
	if t.path.MemberCount {
		return methods{"GET": read}.serve(w, r)
	}
	create := func(w http.ResponseWriter, r *http.Request) error { return t.createChild(w, r, child) }
	return methods{"GET": read, "POST": create}.of(child.Set).serve(w, r)
}

// follow answers with the row that a reference points at: 204 when it is null
// (OData 4.0 part 1, section 11.2.6).
func (t *target) follow(w http.ResponseWriter, r *http.Request, reference *model.Property) error {
	set := reference.Target
	if t.path.Cast != "" {
		cast := t.Model.SetOfType(t.path.Cast)
		if cast == nil || !set.Includes(cast) {
			return notFound("%s of %s never is a %s.", reference.Name, t.set.Name, qualified(t.path.Cast))
		}
		set = cast
	}
	by := grantedTo(r)
	if err := errors.Join(t.set.Permit(by, permission.Read), reference.PermitTo(by, permission.Read), set.Permit(by, permission.Read)); err != nil {
		return err
	}
	q := query.ByID(t.set, t.path.Key)
	q.By = by.Rights
	q.Fields = []*model.Property{reference}
	ctx, cancel := t.bounded(r)
	defer cancel()
	found, value := false, model.NullValue
	err := t.Store.Query(ctx, q, func(row *query.Row) error {
		found, value = true, row.Values[0]
		value.Text = strings.Clone(value.Text)
		return nil
	})
	switch {
	case err != nil:
		return err
	case !found:
		return notFound("There is no %s.", t.self())
	case value.Null:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return t.one(w, r, http.StatusOK, model.Entity{Set: set, ID: value.Text})
}

// self is the row that the path names.
func (t *target) self() model.Entity { return model.Entity{Set: t.set, ID: t.path.Key} }

// exists fails where the row that the path names is not there.
func (t *target) exists(r *http.Request) error {
	if err := t.set.Permit(grantedTo(r), permission.Read); err != nil {
		return err
	}
	q := query.ByID(t.set, t.path.Key)
	q.By = grantedTo(r).Rights
	q.Fields = []*model.Property{t.set.ID()}
	ctx, cancel := t.bounded(r)
	defer cancel()
	n, err := t.Store.Count(ctx, q)
	if err == nil && n == 0 {
		err = notFound("There is no %s.", t.self())
	}
	return err
}
