package testkit

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/hybridapps/tandem"
)

// Record is the audit record in memory. It is an Auditor of every room, and the
// zero value is empty.
type Record struct {
	// Also, if not nil, is where events go as well; what it returns is returned.
	Also interface {
		Record(context.Context, tandem.AuditEvent) error
	}

	mu     sync.Mutex
	events []tandem.AuditEvent
	used   map[[sha256.Size]byte]bool // up by events, where there is no Also
	failed error
}

// Record keeps one event.
func (r *Record) Record(ctx context.Context, e tandem.AuditEvent) error {
	return r.RecordAll(ctx, []tandem.AuditEvent{e})
}

// RecordAll keeps several events, or none of them after [Record.Fail].
func (r *Record) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	r.mu.Lock()
	failed := r.failed
	r.mu.Unlock()
	if failed != nil {
		return failed
	}
	for _, e := range events {
		var err error
		if r.Also != nil {
			err = r.Also.Record(ctx, e)
		}
		if r.keep(e); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps an event, unless what it uses up was used before.
func (r *Record) keep(e tandem.AuditEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if once := e.Once; once != nil {
		if r.Also == nil {
			once.First = !r.used[once.ID]
		}
		if !once.First {
			return
		}
		if r.used == nil {
			r.used = map[[sha256.Size]byte]bool{}
		}
		r.used[once.ID] = true
	}
	r.events = append(r.events, e)
}

// Fail makes the record refuse what comes from now on with err; nil mends it.
func (r *Record) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
}

// All are the events kept, oldest first.
func (r *Record) All() []tandem.AuditEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Of are the events of one kind, oldest first.
func (r *Record) Of(kind tandem.AuditKind) []tandem.AuditEvent {
	return slices.DeleteFunc(r.All(), func(e tandem.AuditEvent) bool { return e.Kind != kind })
}

// Details are the details of the events of one kind, oldest first.
func (r *Record) Details(kind tandem.AuditKind) []string {
	var details []string
	for _, e := range r.Of(kind) {
		details = append(details, e.Detail)
	}
	return details
}
