package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
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
		return nil, refused(wire.VisitDone, wire.Args{"visit": b.v.DocumentNo})
	}
	args := map[string]any{"newState": b.v.State, "notes": b.forWhom()}
	if err := b.withStatus(ctx, args, wire.Working); err != nil {
		return nil, err
	}
	if b.live { // where the copy has not seen the plan yet, it is lost with this
		if err := b.store.keepVisit(ctx, b.config.DB.Writer(), b.v); err != nil {
			return nil, err
		}
	}
	times := map[string]any{"StartTime": stamp(b.k.doneAt)}
	if b.v.EndTime != nil && b.v.EndTime.Before(b.k.doneAt) { // it was planned to be over by now; finish says when it was
		times["EndTime"] = nil
	}
	return []client.Change{patch(b.v.ID, times), action(b.v.ID, "ChangeState", args)}, nil
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

// reopen takes back that the work is done. What is released is the office's to open again.
func (b *booking) reopen(ctx context.Context, reason string) ([]client.Change, error) {
	notes := b.forWhom() + ": " + reason
	notes = notes[:min(len(notes), wire.MaxName)]
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

// plain reports whether a command writes values alone, of which nothing else follows: then
// the visit that it makes of the one before is known without reading it.
func (b *booking) plain() bool { return b.k.kind == wire.Note || b.k.kind == wire.Sign }

// after is the visit that a plain command has made.
func (b *booking) after(version int64) *visit {
	v := *b.v
	v.Version = version
	switch body := b.body.(type) {
	case *wire.NoteBody:
		v.Notes = body.Text
	case *wire.SignBody:
		v.ReceiverPersonName = client.Text{"EN": body.Name}
	}
	return &v
}
