package erp

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// The actions of @erpnet.action.
const (
	actionCreate           = "create"
	actionUpdate           = "update"
	actionDelete           = "delete"
	actionFind             = "find"
	actionFindOrNull       = "findOrNull"
	actionFindOrCreate     = "findOrCreate"
	actionFindSingle       = "findSingle"
	actionFindSingleOrNull = "findSingleOrNull"
	actionMerge            = "merge"
)

// Writer gives the objects that callers send their meaning, inside one
// transaction. It is not safe for concurrent use.
type Writer struct {
	model *Model
	tx    Tx
	by    Actor
	now   time.Time
	newID func() string

	// lookups and records remember what was found, so that an import asks for
	// a product once and not once for each line.
	lookups map[string]Entity
	records map[string]*Record
}

// maxRemembered bounds each memory of a Writer; past it, it starts over.
const maxRemembered = 20000

// NewWriter makes a writer for the actor. Use it for one call.
func NewWriter(m *Model, by Actor) *Writer {
	return &Writer{model: m, by: by, newID: uuid.NewString, lookups: map[string]Entity{}, records: map[string]*Record{}}
}

// In makes the writer work in the transaction, at the time.
func (w *Writer) In(tx Tx, now time.Time) *Writer {
	w.tx, w.now = tx, now
	return w
}

// Forget drops everything remembered: after a transaction that was undone.
func (w *Writer) Forget() {
	clear(w.lookups)
	clear(w.records)
}

func (w *Writer) remember(key string, e Entity) {
	if len(w.lookups) >= maxRemembered {
		clear(w.lookups)
	}
	w.lookups[key] = e
}

func (w *Writer) record(s *Set, id string) (*Record, error) {
	if r := w.records[id]; r != nil && s.Includes(r.Set) {
		return r, nil
	}
	r, err := w.tx.Load(s, id, false)
	if isNotFound(err) {
		return nil, broken(s, fmt.Sprintf("Object not found: %s.", Entity{s, id}))
	}
	if err != nil {
		return nil, err
	}
	w.keep(r)
	return r, nil
}

func (w *Writer) keep(r *Record) {
	if len(w.records) >= maxRemembered {
		clear(w.records)
	}
	w.records[r.ID] = r
}

func (w *Writer) insert(r *Record) error {
	if err := w.tx.Insert(r); err != nil {
		return err
	}
	if r.Set.Owner == nil {
		w.keep(r)
	}
	return nil
}

func (w *Writer) save(r *Record) error {
	if err := w.tx.Save(r); err != nil {
		return err
	}
	if r.Set.Owner == nil {
		w.keep(r)
	} else {
		delete(w.records, r.ID)
	}
	return nil
}

// Apply writes one object as its @erpnet.action says, or as fallback does.
func (w *Writer) Apply(s *Set, o *Object, fallback string) (Outcome, error) {
	s, err := w.concrete(s, o)
	if err != nil {
		return Outcome{}, err
	}
	action, err := actionOf(s, o, fallback)
	if err != nil {
		return Outcome{}, err
	}
	return w.perform(s, o, action)
}

// concrete is the set that @odata.type names, which must be s or a subtype.
func (w *Writer) concrete(s *Set, o *Object) (*Set, error) {
	v, ok := o.Get("@odata.type")
	if !ok {
		return s, nil
	}
	name, _ := v.(string)
	t := w.model.ofQualifiedType(name)
	if t == nil || !s.Includes(t) {
		return nil, invalid("%s: @odata.type %q is not a type of this set.", s.Name, clip(name))
	}
	return t, nil
}

func actionOf(s *Set, o *Object, fallback string) (string, error) {
	v, ok := o.Get("@erpnet.action")
	if !ok {
		return fallback, nil
	}
	action, _ := v.(string)
	switch action {
	case actionCreate, actionUpdate, actionDelete, actionFind, actionFindOrNull, actionFindOrCreate, actionFindSingle, actionFindSingleOrNull, actionMerge:
		return action, nil
	}
	return "", invalid("%s: @erpnet.action %q is unknown; use create, update, delete, find, findOrNull, findOrCreate, findSingle, findSingleOrNull or merge.", s.Name, clip(action))
}

// perform runs an action on an object that is not a child of another.
func (w *Writer) perform(s *Set, o *Object, action string) (Outcome, error) {
	if action == actionCreate {
		return w.create(s, o)
	}
	found, by, err := w.find(s, o, nil)
	if err != nil {
		return Outcome{}, err
	}
	single := action == actionFindSingle || action == actionFindSingleOrNull
	if len(found) > 1 && single {
		return Outcome{}, broken(s, fmt.Sprintf("More than one object found: %s, action: %s, findBy: %s.", s.Name, action, by))
	}
	if len(found) == 0 {
		switch action {
		case actionFindOrCreate, actionMerge:
			return w.create(s, o)
		case actionFindOrNull, actionFindSingleOrNull:
			return Outcome{State: Unchanged}, nil
		}
		return Outcome{}, &tandem.Error{Code: tandem.CodeRule, Message: fmt.Sprintf("Object not found: %s, action: %s, findBy: %s.", s.Name, action, by)}
	}
	switch e := found[0]; action {
	case actionUpdate, actionMerge:
		return w.update(e, o, action)
	case actionDelete:
		if err := w.Delete(e, 0); err != nil {
			return Outcome{}, err
		}
		return Outcome{Entity: e, State: Deleted}, nil
	default:
		return Outcome{Entity: e, State: Unchanged}, nil
	}
}

func writable(s *Set) error {
	if s.ReadOnly {
		return &tandem.Error{Code: tandem.CodeForbidden, Message: s.Name + " is read-only through this API."}
	}
	return nil
}

func (w *Writer) create(s *Set, o *Object) (Outcome, error) {
	if err := writable(s); err != nil {
		return Outcome{}, err
	}
	if s.Abstract {
		return Outcome{}, invalid("%s: a new object needs @odata.type, one of %s.", s.Name, s.subtypeNames())
	}
	if s.Owner != nil {
		owner, err := w.ownerOf(s, o)
		if err != nil {
			return Outcome{}, err
		}
		return w.createUnder(owner, owner.childOf(s), o)
	}
	c, err := w.newChange(s, o, nil)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.applyAll(o, actionCreate); err != nil {
		return Outcome{}, err
	}
	state, err := c.write()
	return Outcome{Entity{s, c.ID}, state}, err
}

func (s *Set) subtypeNames() string {
	names := make([]string, len(s.Subtypes))
	for i, t := range s.Subtypes {
		names[i] = "Erp." + t.Type
	}
	return strings.Join(names, ", ")
}

// newChange makes a new row; its Id is the caller's, or a new one.
func (w *Writer) newChange(s *Set, o *Object, owner *Change) (*Change, error) {
	id := w.newID()
	if v, ok := o.Get("Id"); ok && v != nil {
		text, _ := v.(string)
		given, err := uuid.Parse(text)
		if err != nil || len(text) != 36 {
			return nil, invalid("%s: Id is not a GUID.", s.Name)
		}
		id = given.String()
	}
	c := w.change(NewRecord(s, id), true)
	if owner != nil {
		c.owner = owner
		c.Values[s.Owner.Index] = s.Owner.refer(Entity{owner.Record.Set, owner.ID})
		owner.children = append(owner.children, c)
	}
	return c, nil
}

// ownerOf reads, locks and returns the owner that a new part names.
func (w *Writer) ownerOf(s *Set, o *Object) (*Change, error) {
	for _, m := range o.Members {
		name, bind := strings.CutSuffix(m.Name, "@odata.bind")
		if name != s.Owner.Name {
			continue
		}
		v, err := w.reference(s, s.Owner, m.Value, bind)
		if err != nil {
			return nil, err
		}
		if !v.Null {
			return w.open(Entity{s.Owner.Target, v.Text})
		}
	}
	return nil, broken(s, s.Owner.Name+" is required; give it a value.")
}

// open loads and locks a row to change it, together with its owner.
func (w *Writer) open(e Entity) (*Change, error) {
	if err := writable(e.Set); err != nil {
		return nil, err
	}
	if e.Set.Owner == nil {
		r, err := w.tx.Load(e.Set, e.ID, true)
		if err != nil {
			return nil, err
		}
		return w.change(r, false), nil
	}
	// The root is locked before the part is read, so that two changes of one
	// aggregate follow each other.
	r, err := w.tx.Load(e.Set, e.ID, false)
	if err != nil {
		return nil, err
	}
	owner, err := w.open(Entity{e.Set.Owner.Target, r.Get(e.Set.Owner).Text})
	if err != nil {
		return nil, err
	}
	if r, err = w.tx.Load(e.Set, e.ID, true); err != nil {
		return nil, err
	}
	c := w.change(r, false)
	c.owner = owner
	owner.children = append(owner.children, c)
	return c, nil
}

func (w *Writer) createUnder(owner *Change, child *Child, o *Object) (Outcome, error) {
	c, err := w.newChange(child.Set, o, owner)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.applyAll(o, actionCreate); err != nil {
		return Outcome{}, err
	}
	if _, err := owner.write(); err != nil {
		return Outcome{}, err
	}
	return Outcome{Entity{child.Set, c.ID}, Added}, nil
}

// CreateChild adds a row to a child collection: POST Set(id)/Child.
func (w *Writer) CreateChild(e Entity, child *Child, o *Object) (Outcome, error) {
	owner, err := w.open(e)
	if err != nil {
		return Outcome{}, err
	}
	return w.createUnder(owner, child, o)
}

// Update changes the properties that the object has: PATCH.
func (w *Writer) Update(e Entity, o *Object) (Outcome, error) {
	return w.update(e, o, actionUpdate)
}

func (w *Writer) update(e Entity, o *Object, action string) (Outcome, error) {
	c, err := w.open(e)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.applyAll(o, action); err != nil {
		return Outcome{}, err
	}
	top := c
	if c.owner != nil {
		top = c.owner
	}
	state, err := top.write()
	return Outcome{Entity{c.Record.Set, c.ID}, state}, err
}

// Delete removes a row with its children. version 0 means any.
func (w *Writer) Delete(e Entity, version int64) error {
	c, err := w.open(e)
	if err != nil {
		return err
	}
	if version != 0 {
		c.version = &version
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	if err := c.guard(); err != nil {
		return err
	}
	if err := w.unreferenced(c.Record); err != nil {
		return err
	}
	if err := w.tx.Remove(c.Record.Set, c.ID); err != nil {
		return err
	}
	w.Forget()
	if c.owner == nil {
		return nil
	}
	c.owner.children = nil
	c.owner.forced = true
	_, err = c.owner.write()
	return err
}

// unreferenced refuses to delete a row that others point at, and says which.
func (w *Writer) unreferenced(r *Record) error {
	for _, s := range w.model.Sets {
		if s.Base != nil && s.Table == s.Base.Table && s.Abstract {
			continue
		}
		for _, p := range s.Properties {
			if !p.IsReference() || p.Set != s || p == s.Owner || !p.Target.Includes(r.Set) {
				continue
			}
			q := &Query{Set: s, Limit: 2, Where: &Compare{Path: &Path{Property: p}, Op: Eq, Value: TextValue(r.ID)}}
			found, err := w.tx.Find(q)
			if err != nil {
				return err
			}
			for _, e := range found {
				if e.ID != r.ID || s.View {
					return &tandem.Error{Code: tandem.CodeConflict, Message: fmt.Sprintf(
						"%s cannot be deleted: %s refers to it by %s; change or delete that first, or make this one inactive.",
						Entity{r.Set, r.ID}, e.name(), p.Name)}
				}
			}
		}
	}
	return nil
}

func (e Entity) name() string {
	if e.ID == "" {
		return "a row of " + e.Set.Name
	}
	return e.String()
}
