package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
)

// What a command changes in the ERP, and how it is known that it has done so before: a
// line has the id of its command, so that the ERP takes none twice; else the value that is
// there tells.

func refTo(set, id string) map[string]string {
	return map[string]string{"@odata.id": client.Ref(set, id)}
}

func patch(id string, body map[string]any) client.Change {
	return client.Change{Method: http.MethodPatch, Path: client.Ref(setVisits, id), Body: body}
}

func action(id, name string, body map[string]any) client.Change {
	return client.Change{Method: http.MethodPost, Path: client.Ref(setVisits, id) + "/" + name, Body: body}
}

// changes are those of a command; none where all is so already.
func (b *booking) changes(ctx context.Context) ([]client.Change, error) {
	k, v := b.k, b.v
	switch body := b.body.(type) {
	case *wire.NoteBody:
		if v.Notes == body.Text {
			return nil, nil
		}
		return []client.Change{patch(v.ID, map[string]any{"Notes": body.Text})}, nil
	case *wire.SignBody:
		if v.ReceiverPersonName.In("EN") == body.Name {
			return nil, nil
		}
		return []client.Change{patch(v.ID, map[string]any{"ReceiverPersonName": client.Text{"EN": body.Name}})}, nil
	case *wire.ServiceBody:
		line := map[string]any{"Id": k.id, "Service": refTo(setServices, body.Service),
			"Quantity": map[string]any{"Value": json.Number(body.Quantity)}, "PerformedByPerson": refTo("General_Contacts_Persons", b.person.id)}
		if body.Notes != "" {
			line["Notes"] = body.Notes
		}
		return []client.Change{action(v.ID, "Services", line)}, nil
	case *wire.MaterialBody:
		return []client.Change{action(v.ID, "Materials", map[string]any{"Id": k.id, "Product": refTo(setProducts, body.Product), "LineStore": refTo("Logistics_Inventory_Stores", v.Store.ID), "Quantity": map[string]any{"Value": json.Number(body.Quantity)}})}, nil
	case *wire.ReopenBody:
		return b.reopen(ctx, body.Reason)
	}
	if k.kind == wire.Start {
		return b.start(ctx)
	}
	return b.finish(ctx)
}

// forWhom is what the history of states says beside the System User.
func (b *booking) forWhom() string { return "for " + b.k.login }

func (b *booking) start(ctx context.Context) ([]client.Change, error) {
	switch b.v.status() {
	case wire.Working:
		return nil, nil
	case wire.Done:
		return nil, refused("visit %s is done already", b.v.DocumentNo)
	}
	args := map[string]any{"newState": b.v.State, "notes": b.forWhom()}
	if err := b.withStatus(ctx, args, wire.Working); err != nil {
		return nil, err
	}
	return []client.Change{patch(b.v.ID, map[string]any{"StartTime": stamp(b.k.doneAt)}), action(b.v.ID, "ChangeState", args)}, nil
}

// finish ends the work, leaves FirmPlanned by the exit status, releases and completes: all
// in one transaction, on the version that has the lines and the signature.
func (b *booking) finish(ctx context.Context) ([]client.Change, error) {
	exit := map[string]any{"newState": stateFirm, "notes": b.forWhom()}
	if err := b.withStatus(ctx, exit, wire.Done); err != nil {
		return nil, err
	}
	id := b.v.ID
	return []client.Change{
		patch(id, map[string]any{"EndTime": stamp(b.endTime())}), action(id, "ChangeState", exit),
		action(id, "ChangeState", map[string]any{"newState": stateReleased, "notes": b.forWhom()}),
		action(id, "Complete", map[string]any{"completion": "OnlyDocument"}),
	}, nil
}

// endTime is when the work ended; never before it began.
func (b *booking) endTime() time.Time {
	if b.v.StartTime != nil && b.k.doneAt.Before(*b.v.StartTime) {
		return *b.v.StartTime
	}
	return b.k.doneAt
}

func (b *booking) reopen(ctx context.Context, reason string) ([]client.Change, error) {
	notes := b.forWhom() + ": " + reason
	notes = notes[:min(len(notes), wire.MaxName)]
	if b.v.from(stateReleased) {
		return []client.Change{action(b.v.ID, "ChangeState", map[string]any{"newState": stateReleased, "notes": strings.ToValidUTF8(notes, "")})}, nil
	}
	if b.v.status() == wire.Working {
		return nil, nil
	}
	args := map[string]any{"newState": b.v.State, "notes": strings.ToValidUTF8(notes, "")}
	if err := b.withStatus(ctx, args, wire.Working); err != nil {
		return nil, err
	}
	return []client.Change{action(b.v.ID, "ChangeState", args)}, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// applied reports whether an earlier try has done it: its answer was lost, or we were
// killed before it was noted.
func (b *booking) applied() bool {
	v := b.v
	if v == nil {
		return false
	}
	switch body := b.body.(type) {
	case *wire.NoteBody:
		return v.Notes == body.Text
	case *wire.SignBody:
		return v.ReceiverPersonName.In("EN") == body.Name
	case *wire.ServiceBody, *wire.MaterialBody:
		return v.hasLine(b.k.id)
	case *wire.ReopenBody:
		return v.State == stateReleased
	}
	if b.k.kind == wire.Start {
		return v.status() == wire.Working && v.StartTime != nil && v.StartTime.Equal(b.k.doneAt)
	}
	return v.from(stateCompleted) && v.EndTime != nil && v.EndTime.Equal(b.endTime())
}

// linkAfter is the step that an earlier try has made, if nothing was done since: then the
// version before it is known from what the device saw.
func (b *booking) linkAfter() *chainLink {
	steps := map[string]int64{wire.Start: 2, wire.Finish: 4}[b.k.kind]
	if steps == 0 {
		steps = 1
	}
	return &chainLink{b.v.Version - steps, b.v.Version}
}

// statuses are the user statuses of document types.
type statuses struct {
	mu    sync.Mutex
	known map[string]map[string]string // by type, then by name in English
	until time.Time
}

const statusesKept = 5 * time.Minute

// withStatus adds the user status with a name to the arguments of ChangeState.
func (b *booking) withStatus(ctx context.Context, args map[string]any, name string) error {
	if b.v.DocumentType == nil {
		return refused("visit %s has no document type", b.v.DocumentNo)
	}
	all, err := b.statusesOf(ctx, b.v.DocumentType.ID)
	if err != nil {
		return err
	}
	if all[name] == "" {
		return refused("visits of this kind have no status %q; ask the office", name)
	}
	args["userStatus"] = refTo("Systems_Documents_DocumentTypeUserStatuses", all[name])
	return nil
}

func (c *Cloud) statusesOf(ctx context.Context, documentType string) (map[string]string, error) {
	s := &c.statuses
	s.mu.Lock()
	defer s.mu.Unlock()
	now := c.clock.Now()
	if s.known == nil || now.After(s.until) {
		s.known, s.until = map[string]map[string]string{}, now.Add(statusesKept)
	}
	if found := s.known[documentType]; found != nil {
		return found, nil
	}
	found, err := c.readStatuses(ctx, documentType)
	if err == nil {
		s.known[documentType] = found
	}
	return found, err
}

// readStatuses reads them; the lock is held, as all who wait need the same, and the
// context bounds it.
func (c *Cloud) readStatuses(ctx context.Context, documentType string) (map[string]string, error) {
	var told struct {
		UserStatuses []struct {
			ID             string `json:"Id"`
			UserStatusName client.Text
			State          string
			Active         bool
		}
	}
	err := c.reads.Do(ctx, http.MethodGet, client.Ref(setTypes, documentType)+"?$select=Id&$expand="+escape("UserStatuses($select=Id,UserStatusName,State,Active)"), nil, &told)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, s := range told.UserStatuses {
		if s.Active && s.State == stateFirm {
			found[s.UserStatusName.In("EN")] = s.ID
		}
	}
	return found, nil
}
