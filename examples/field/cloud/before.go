package cloud

import (
	"context"
	"time"

	"github.com/hybridapps/tandem/examples/field/wire"
)

// What an earlier try has done: its answer was lost, or we were killed before it was noted.

// underWay is how much later than a try has ended the ERP may still have made its change,
// the difference of the two clocks included.
const underWay = 15 * time.Second

// doneBefore ends a command that an earlier try has booked. A value that is there is no proof
// by itself, as the office may have written the same: then what was seen decides, as ever.
func (b *booking) doneBefore(ctx context.Context) (bool, error) {
	if b.fresh || !b.applied() {
		return false, nil
	}
	made, err := b.linkBefore(ctx)
	if err != nil || made == nil && !b.marked() {
		return false, err
	}
	return true, b.done(ctx, made)
}

// applied reports whether all is as the command wants it.
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
		return v.status() == wire.Working
	}
	if b.k.kind == wire.Start {
		return v.status() == wire.Working && v.StartTime != nil && v.StartTime.Equal(b.k.doneAt)
	}
	return v.from(stateCompleted) && v.EndTime != nil && v.EndTime.Equal(b.endTime())
}

// marked reports whether what is there can be of this command alone: a line has its id, and
// times are by its device's clock.
func (b *booking) marked() bool {
	switch b.k.kind {
	case wire.Note, wire.Sign, wire.Reopen:
		return false
	}
	return true
}

// sends notes that the changes of the command are sent now. A try that came shortly before
// may still be under way, and is part of the same time.
func (b *booking) sends(ctx context.Context) error {
	k, now := b.k, b.clock.Now()
	if b.fresh || !k.triedUntil.Add(underWay).After(now) {
		k.triedFrom = now
	}
	k.triedUntil = now.Add(callIn)
	if b.fresh { // it came with that
		return nil
	}
	return b.store.trying(ctx, k)
}

// linkBefore is the step that an earlier try has made; nil where the visit's version is not
// that step, or may be somebody else's: it was made when no try of ours was under way, or by
// another device.
func (b *booking) linkBefore(ctx context.Context) (*chainLink, error) {
	k, at := b.k, b.v.ChangedAt
	if k.triedUntil.IsZero() || at.Before(k.triedFrom.Add(-underWay)) || at.After(k.triedUntil.Add(underWay)) {
		return nil, nil
	}
	if others, err := b.store.madeByOthers(ctx, k, b.v.Version); others || err != nil {
		return nil, err
	}
	steps := map[string]int64{wire.Start: 2, wire.Finish: 4}[k.kind]
	return &chainLink{b.v.Version - max(steps, 1), b.v.Version}, nil
}
