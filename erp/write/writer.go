package write

import (
	"errors"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Writer gives the objects that callers send their meaning, inside one
// transaction. It is not safe for concurrent use.
type Writer struct {
	model *Model
	tx    Tx
	by    Actor
	now   time.Time

	// lookups and records remember what was found, so that an import asks for
	// a product once and not once for each line.
	lookups map[string]model.Entity
	sought  sought
	records map[string]*model.Record
	parts   map[string][]*model.Record // by partsKey
	// notes are what the caller should know of what was written.
	notes []string
}

// maxRemembered bounds each memory of a Writer; past it, it starts over.
const maxRemembered = 20000

// NewWriter makes a writer for the actor. Use it for one call.
func NewWriter(m *Model, by Actor) *Writer {
	return &Writer{model: m, by: by, lookups: map[string]model.Entity{}, sought: sought{}, records: map[string]*model.Record{},
		parts: map[string][]*model.Record{}}
}

// In makes the writer work in the transaction, at the time.
func (w *Writer) In(tx Tx, now time.Time) *Writer {
	w.tx, w.now = tx, now
	return w
}

// Renew learns what the actor may do by now. What was found for them before is
// forgotten when that has changed.
func (w *Writer) Renew() error {
	if w.by.Again == nil {
		return nil
	}
	rights, err := w.by.Again()
	if err == nil && !rights.Same(w.by.Granted.Rights) {
		w.by.Granted.Rights = rights
		w.Forget()
	}
	return err
}

// Forget drops everything remembered: after a transaction that was undone.
func (w *Writer) Forget() {
	w.forgetLookups()
	clear(w.records)
	clear(w.parts)
}

// Note is what the caller should know of what was written, as sentences.
func (w *Writer) Note() string { return strings.Join(w.notes, " ") }

func (w *Writer) record(s *model.Set, id string) (*model.Record, error) {
	if r := w.records[id]; r != nil && s.Includes(r.Set) {
		return r, nil
	}
	r, err := w.tx.Load(s, id, false)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil, notFound(model.Entity{Set: s, ID: id})
	}
	if err != nil {
		return nil, err
	}
	w.keep(r)
	return r, nil
}

// notFound is what a row that is referred to is told by when there is none.
func notFound(e model.Entity) error { return broken(e.Set, "Object not found: %s.", e) }

func (w *Writer) keep(r *model.Record) {
	if len(w.records) >= maxRemembered {
		clear(w.records)
	}
	w.records[r.ID] = r
}

func (w *Writer) insert(r *model.Record) error {
	if w.sought.by(r, true) {
		w.forgetLookups()
	}
	if err := w.tx.Insert(r); err != nil {
		return err
	}
	if r.Set.Owner == nil {
		w.keep(r)
	} else {
		w.forgetParts(r)
	}
	return nil
}

// forgetParts drops what is remembered of the parts of a row, one of which is written.
func (w *Writer) forgetParts(part *model.Record) {
	delete(w.parts, partsKey(part.Get(part.Set.Owner).Text, part.Set))
}

func (w *Writer) save(r *model.Record) error {
	if w.sought.by(r, false) {
		w.forgetLookups()
	}
	if err := w.tx.Save(r); err != nil {
		return err
	}
	if r.Set.Owner == nil {
		w.keep(r)
	} else {
		delete(w.records, r.ID)
		w.forgetParts(r)
	}
	return nil
}

// Actor is who writes.
type Actor struct {
	// ID is the account's GUID, Login its login: the System User's for service
	// tokens. Login becomes CreationUser and the like.
	ID, Login string
	// Granted is what they may do: see [model.Set.Permit].
	Granted permission.Granted
	// Again tells what they may do by now, or why they may not act any more: asked in
	// each transaction, which may have waited for others. Nil stands for Granted.
	Again func() (*permission.Rights, error)
}

// ActorOf is the actor of a verified principal, with what it was granted.
func ActorOf(p *tandem.Principal, granted permission.Granted) Actor {
	return Actor{ID: p.ActorID(), Login: p.Actor(), Granted: granted}
}

// Platform is the platform itself, which may write everything, in the name of an
// account or of a login alone.
func Platform(id, login string) Actor {
	return Actor{ID: id, Login: login, Granted: permission.ByPlatform()}
}

// Outcome is the result of one write. Entity is zero when the action found
// nothing (findOrNull).
type Outcome struct {
	Entity model.Entity
	State  State
	// Version is the ObjectVersion of the entity's aggregate after the write; 0
	// where it is not known.
	Version int64
	// Note is what the caller should know of what was written; empty for nothing.
	Note string
}

// State is what a write did to an object.
type State string

// The states, by the names of Import's @erpnet.state.
const (
	Added     State = "Added"
	Modified  State = "Modified"
	Deleted   State = "Deleted"
	Unchanged State = "Unchanged"
)
