package api

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// create serves POST Set.
func (t *target) create(w http.ResponseWriter, r *http.Request) error {
	return t.insert(w, r, func(ctx context.Context, by write.Actor, o *write.Object) (write.Outcome, error) {
		return t.Store.Write(ctx, by, t.set, o)
	})
}

// createChild serves POST Set(guid)/Lines.
func (t *target) createChild(w http.ResponseWriter, r *http.Request, child *model.Child) error {
	return t.insert(w, r, func(ctx context.Context, by write.Actor, o *write.Object) (write.Outcome, error) {
		return t.Store.CreateChild(ctx, by, t.self(), child, o)
	})
}

// insert reads a body, has it written and answers with the row: 201 where it
// is new, 200 where @erpnet.action found one, 204 where it found none.
func (t *target) insert(w http.ResponseWriter, r *http.Request,
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
	ctx, cancel := t.bounded(r)
	defer cancel()
	out, err := apply(ctx, by, o)
	if err != nil {
		return err
	}
	if out.Entity.ID == "" || out.State == write.Deleted {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h, status := w.Header(), http.StatusOK
	if out.State == write.Added {
		status = http.StatusCreated
		h.Set("Location", t.root()+out.Entity.String())
	}
	if preference(r, "return") == "minimal" {
		h.Set("Preference-Applied", "return=minimal")
		h.Set("OData-EntityId", t.root()+out.Entity.String())
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return t.one(w, r, status, out.Entity)
}

// update serves PATCH Set(guid): 204, or the row when the caller prefers it.
func (t *target) update(w http.ResponseWriter, r *http.Request) error {
	by, err := actor(r)
	if err != nil {
		return err
	}
	o, err := readBody(w, r, MaxBody)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	if version > 0 {
		if sent, ok := o.Get("ObjectVersion"); ok && sent != json.Number(strconv.FormatInt(version, 10)) {
			return invalid("If-Match and ObjectVersion name different versions; send one of them.")
		}
		o.Set("ObjectVersion", json.Number(strconv.FormatInt(version, 10)))
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	out, err := t.Store.Update(ctx, by, t.self(), o)
	if err != nil {
		return err
	}
	if preference(r, "return") == "representation" {
		w.Header().Set("Preference-Applied", "return=representation")
		return t.one(w, r, http.StatusOK, out.Entity)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// delete serves DELETE Set(guid).
func (t *target) delete(w http.ResponseWriter, r *http.Request) error {
	by, err := actor(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	if err := t.Store.Delete(ctx, by, t.self(), version); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// action serves POST Set(guid)/Action; its body may be empty.
func (t *target) action(w http.ResponseWriter, r *http.Request) error {
	by, err := actor(r)
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
	if err := t.Store.Do(ctx, by, t.self(), t.path.Member, args); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// actor is who writes.
func actor(r *http.Request) (write.Actor, error) {
	call := CallOf(r.Context())
	if call == nil {
		return write.Actor{}, errors.New("a write reached the API without a guard before it")
	}
	return write.ActorOf(call.Principal), nil
}

// ifMatch is the version of an If-Match header (RFC 9110 section 13.1.1), which
// here is an ObjectVersion: 5, "5" or W/"5". It is 0 for * and without one.
func ifMatch(r *http.Request) (int64, error) {
	value := strings.Join(r.Header.Values("If-Match"), ",")
	if value == "" || value == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(value, "W/"), `"`), 10, 32)
	if err != nil || n < 1 {
		return 0, invalid("If-Match takes one ObjectVersion, for example \"5\".")
	}
	return n, nil
}

// readBody reads one JSON object of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (*write.Object, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, unsupportedMedia("The body must be JSON; send Content-Type: application/json.")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, unsupportedMedia("The body must not be compressed; leave out Content-Encoding.")
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // do not read what is on its way
		return nil, tooLarge(limit)
	}
	return write.ReadObject(http.MaxBytesReader(w, r.Body, limit))
}

// notSecret is what a caller may see of an error inside a 200.
func (d *Domain) notSecret(r *http.Request, err error) ErrorObject {
	status, object := Describe(err)
	if status == http.StatusInternalServerError {
		Errors{d.Log}.log().ErrorContext(r.Context(), "import failed", "error", err)
		object.Message = "internal error; the log of the instance has the cause"
	}
	return object
}
