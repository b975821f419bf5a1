package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// create serves POST Set.
func (t *target) create(w http.ResponseWriter, r *http.Request) error {
	if err := unconditional(r.Header); err != nil {
		return err
	}
	return t.insert(w, r, t.set, func(ctx context.Context, by write.Actor, o *write.Object) (write.Outcome, error) {
		return t.Store.Write(ctx, by, t.set, o)
	})
}

// createChild serves POST Set(guid)/Lines. A condition is one on the owner, whose
// version the new row shares.
func (t *target) createChild(w http.ResponseWriter, r *http.Request, child *model.Child) error {
	when, err := condition(r.Header)
	if err != nil {
		return err
	}
	return t.insert(w, r, child.Set, func(ctx context.Context, by write.Actor, o *write.Object) (write.Outcome, error) {
		return t.Store.CreateChild(ctx, by, t.self(), when, child, o)
	})
}

// insert reads a body, has it written and answers with the row: 201 where it
// is new, 200 where @erpnet.action found one, 204 where it found none.
func (t *target) insert(w http.ResponseWriter, r *http.Request, set *model.Set,
	apply func(context.Context, write.Actor, *write.Object) (write.Outcome, error),
) error {
	by, err := actor(r)
	if err != nil {
		return err
	}
	o, err := readBody(w, r, MaxBody)
	if err != nil {
		return err
	}
	if v, _ := o.Get("@odata.type"); v != nil {
		name, _ := v.(string)
		if typed := t.Model.SetOfQualifiedType(name); set.Includes(typed) {
			set = typed
		}
	}
	if err := t.checkShape(r, set); err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	out, err := apply(ctx, by, o)
	if err != nil {
		return err
	}
	noted(w, out)
	if out.Entity.ID == "" || out.State == write.Deleted {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	status := http.StatusOK
	if out.State == write.Added {
		status = http.StatusCreated
		w.Header().Set("Location", t.root()+out.Entity.String())
	}
	if preference(r, "return") == "minimal" {
		w.Header().Set("Preference-Applied", "return=minimal")
		t.written(w, out)
		return nil
	}
	return t.represent(w, r, status, out)
}

// update serves PATCH Set(guid): 204, or the row when the caller prefers it.
func (t *target) update(w http.ResponseWriter, r *http.Request) error {
	by, err := actor(r)
	if err != nil {
		return err
	}
	when, err := condition(r.Header)
	if err != nil {
		return err
	}
	o, err := readBody(w, r, MaxBody)
	if err != nil {
		return err
	}
	if sent, ok := o.Get("ObjectVersion"); ok && when.Match != nil && !when.Match.Any {
		n, _ := sent.(json.Number)
		if v, err := n.Int64(); err != nil || !when.Match.Has(v) {
			return invalid("If-Match and ObjectVersion name different versions; send one of them.")
		}
	}
	if err := t.checkShape(r, t.set); err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	out, err := t.Store.Update(ctx, by, t.self(), when, o)
	if err != nil {
		return err
	}
	noted(w, out)
	if preference(r, "return") == "representation" {
		w.Header().Set("Preference-Applied", "return=representation")
		return t.represent(w, r, http.StatusOK, out)
	}
	t.written(w, out)
	return nil
}

// NoteHeader tells what the caller should know of what was written, such as that more is
// shipped than was ordered. Nothing is refused for it.
const NoteHeader = "Tandem-Note"

func noted(w http.ResponseWriter, out write.Outcome) {
	if out.Note != "" {
		w.Header().Set(NoteHeader, quotable(out.Note))
	}
}

// checkShape refuses, before anything is written, what the query string says of
// the row to answer with.
func (t *target) checkShape(r *http.Request, set *model.Set) error {
	options, err := odata.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	_, err = query.ResolveRow(set, t.path.Key, options, grantedTo(r))
	return err
}

// represent answers a write with the row. What was written stays written: a row
// that cannot be shown as it was asked for, because it is of another type than
// it seemed or the account may see less by now, is only named.
func (t *target) represent(w http.ResponseWriter, r *http.Request, status int, out write.Outcome) error {
	if t.checkShape(r, out.Entity.Set) != nil || CallOf(r.Context()).Still(r.Context()) != nil {
		t.written(w, out)
		return nil
	}
	err := t.one(w, r, status, out.Entity)
	if errors.Is(err, tandem.ErrNotFound) { // its key is one that the account does not hold
		t.written(w, out)
		return nil
	}
	return err
}

// written answers with the name and the version of a row, and nothing of it.
func (t *target) written(w http.ResponseWriter, out write.Outcome) {
	h := w.Header()
	h.Set("OData-EntityId", t.root()+out.Entity.String())
	if out.Version > 0 {
		h.Set("ETag", entityTag(out.Version))
	}
	w.WriteHeader(http.StatusNoContent)
}

// changing is who wants to change a row, and which version of it, in a request that takes
// no options.
func changing(r *http.Request) (by write.Actor, when write.Condition, err error) {
	if by, err = actor(r); err != nil {
		return by, when, err
	}
	if when, err = condition(r.Header); err != nil {
		return by, when, err
	}
	return by, when, noOptions(r)
}

// delete serves DELETE Set(guid).
func (t *target) delete(w http.ResponseWriter, r *http.Request) error {
	by, when, err := changing(r)
	if err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	if err := t.Store.Delete(ctx, by, t.self(), when); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// action serves POST Set(guid)/Action; its body may be empty.
func (t *target) action(w http.ResponseWriter, r *http.Request) error {
	by, when, err := changing(r)
	if err != nil {
		return err
	}
	args := &write.Object{}
	if r.ContentLength != 0 {
		if args, err = readBody(w, r, MaxBody); err != nil {
			return err
		}
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	out, err := t.Store.Do(ctx, by, t.self(), when, t.path.Member, args)
	if err != nil {
		return err
	}
	t.written(w, out)
	return nil
}

// ask serves GET Set(guid)/Function().
func (t *target) ask(w http.ResponseWriter, r *http.Request) error {
	by, err := actor(r)
	if err != nil {
		return err
	}
	if err := noOptions(r); err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	answer, err := t.Store.Call(ctx, by, t.self(), t.path.Member)
	if err != nil {
		return err
	}
	context := write.Member{Name: "@odata.context", Value: t.root() + "$metadata#" + odata.Namespace + ".OpenObject"}
	answer.Members = append([]write.Member{context}, answer.Members...)
	return document(w, r, answer)
}

// noOptions refuses OData's query options where they could mean nothing.
func noOptions(r *http.Request) error {
	options, err := odata.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for _, o := range options.Given {
		if strings.HasPrefix(o.Name, "$") {
			return invalid("%s has no meaning here, and nothing was done; leave it out.", o.Name)
		}
	}
	return nil
}

// actor is who writes.
func actor(r *http.Request) (write.Actor, error) {
	call := CallOf(r.Context())
	if call == nil {
		return write.Actor{}, errors.New("a write reached the API without a guard before it")
	}
	by := write.ActorOf(call.Principal, grantedTo(r))
	by.Again = func() (*permission.Rights, error) { return call.Again(r.Context()) }
	return by, nil
}

// notSecret is what a caller may see of an error inside a 200.
func (d *Domain) notSecret(w http.ResponseWriter, r *http.Request, err error) ErrorObject {
	if errors.Is(err, write.ErrNotAttempted) {
		return ErrorObject{Message: err.Error(), Type: "NotAttempted"}
	}
	status, object := Describe(d.denied(w, r, err))
	if status == http.StatusInternalServerError {
		Errors{Log: d.Log}.log().ErrorContext(r.Context(), "import failed", "error", err)
		object.Message = "internal error; the log of the instance has the cause"
	}
	return object
}
