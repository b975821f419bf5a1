package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/worker/fault"
)

const fileAttach = wire.FileAttach

// errPending says that a file is still being processed.
var errPending = errors.New("the file is still being processed")

// errSlowPicture says that a file's time was over while its picture waited to be read, or was.
var errSlowPicture = errors.New("the picture was not read in its time")

// booking is the booking of one command.
type booking struct {
	*Cloud
	k      *command
	body   any
	person person
	// v is the visit, live whether the ERP has told it in this booking.
	v    *visit
	live bool
	// fresh says that nobody can have booked it before.
	fresh bool
}

// book gives a command its final answer. The error says that it has to wait. It makes one
// call of the ERP where the copy of the visit is true, and two where it is not, or where
// an earlier try may have been booked.
func (c *Cloud) book(ctx context.Context, k *command, fresh bool) error {
	behalf, err := k.behalf()
	if err != nil {
		return err
	}
	ctx = client.OnBehalfOf(ctx, behalf)
	b := &booking{Cloud: c, k: k, fresh: fresh}
	if fresh { // nothing is sent yet
		k.triedFrom, k.triedUntil = time.Time{}, time.Time{}
	}
	if err := c.sameSystemUser(ctx); err != nil {
		return err
	}
	if b.person, err = c.personOf(ctx, behalf); err == nil {
		err = b.run(ctx)
	}
	var no *refusal
	if errors.As(err, &no) {
		return b.end(ctx, no, nil)
	}
	return c.lookAgain(ctx, err)
}

// maxRaces is how often a visit may have been changed between looking and writing.
const maxRaces = 3

func (b *booking) run(ctx context.Context) (err error) {
	if b.body, err = checkBody(b.k.kind, []byte(b.k.body)); err != nil {
		return err
	}
	if b.k.kind == fileAttach {
		return b.attachFile(ctx)
	}
	if err := b.look(ctx, !b.fresh); err != nil {
		return err
	}
	for range maxRaces {
		if done, err := b.doneBefore(ctx); done || err != nil {
			return err
		}
		no, err := b.objection(ctx)
		if err != nil {
			return err
		}
		if no != nil && b.live {
			return no
		}
		if no != nil { // the copy may be old
			if err := b.look(ctx, true); err != nil {
				return err
			}
			continue
		}
		if again, err := b.write(ctx); !again {
			return err
		}
	}
	return refused(wire.VisitBusy, wire.Args{"visit": b.v.DocumentNo})
}

// look takes the visit from the copy, or from the ERP.
func (b *booking) look(ctx context.Context, live bool) (err error) {
	if !live {
		if b.v, err = b.store.visit(ctx, b.k.visit); err != nil || b.v != nil {
			return err
		}
	}
	b.live = true
	if b.v, _, err = b.readVisit(ctx, b.k.visit); err != nil || b.v == nil {
		return err
	}
	return b.store.recall(ctx, b.v)
}

// objection is why the command cannot be booked; nil where it can.
func (b *booking) objection(ctx context.Context) (*refusal, error) {
	if no := b.mayChange(b.k, b.v, b.person); no != nil {
		return no, nil
	}
	if b.k.base == 0 || b.k.base == b.v.Version {
		return nil, nil
	}
	chain, err := b.store.chain(ctx, b.k)
	if err != nil {
		return nil, err
	}
	if chain.to == b.v.Version && chain.from <= b.k.base && b.k.base <= chain.to {
		return nil, nil // all since was done on this device
	}
	no := problem(http.StatusConflict, wire.Conflict, wire.VisitChanged, wire.Args{"visit": b.v.DocumentNo, "seen": b.k.base, "now": b.v.Version})
	no.answer.Office, no.answer.Yours = b.shown(b.v, b.k.language), json.RawMessage(b.k.body)
	return no, nil
}

// write makes the changes, and reads what they made of the visit in the same call; again says
// that the visit was changed meanwhile. Which version it made is told by the changes
// themselves: when the visit is read somebody else may have changed it once more.
func (b *booking) write(ctx context.Context) (again bool, err error) {
	changes, err := b.changes(ctx)
	if err != nil {
		return false, err
	}
	if len(changes) == 0 { // it is so already
		return false, b.done(ctx, nil)
	}
	before := b.v
	changes[0].Version = before.Version
	set, parts, now := &client.BatchPart{Changes: changes}, 1, visit{}
	read := &client.BatchPart{Read: afterPath(b.k.visit), Into: &now}
	if !b.plain() {
		parts = 2
	}
	if err := b.sends(ctx); err != nil {
		return false, err
	}
	err = b.writes.Batch(b.asKnown(ctx), true, []*client.BatchPart{set, read}[:parts]...)
	b.k.triedUntil = b.clock.Now()
	if err != nil {
		return false, err
	}
	made := changes[len(changes)-1].Made
	switch {
	case parts == 2:
		b.seen(&now, read.Err)
	case set.Err == nil && made > 0:
		b.v, b.live = b.after(made), true
	default:
		if err := b.look(ctx, true); err != nil {
			return false, errors.Join(set.Err, err)
		}
	}
	if set.Err != nil {
		return b.notWritten(ctx, set.Err)
	}
	return false, b.done(ctx, newLink(before.Version, made))
}

// notWritten is what follows from the ERP's no.
func (b *booking) notWritten(ctx context.Context, err error) (again bool, _ error) {
	var api *client.APIError
	switch {
	case !errors.As(err, &api) || b.v == nil:
		return false, err
	case api.Status == http.StatusPreconditionFailed:
		return true, nil
	case api.Status == http.StatusConflict && b.v.hasLine(b.k.id): // by an earlier try that was still under way
		return false, b.done(ctx, nil)
	}
	return false, final(err)
}

// seen takes the visit as it was read after the changes. Where it could not be, what is
// known of it is old.
func (b *booking) seen(now *visit, err error) {
	if b.live = err == nil; !b.live {
		b.v = nil
		return
	}
	if !now.takeCustomer(b.v) { // the office has changed even that
		now.Customer = nil
	}
	b.v = now
}

// notFinal are answers that another try, or an administrator who gives the service what it
// lacks, can change.
var notFinal = []int{http.StatusForbidden, http.StatusRequestTimeout, http.StatusPreconditionFailed}

// final makes a final answer of the ERP's no, in its words.
func final(err error) error {
	var api *client.APIError
	if !errors.As(err, &api) || fault.Of(err, 0).Wait > 0 || slices.Contains(notFinal, api.Status) {
		return err
	}
	return told(refused(wire.ERPRule, nil), api.Message)
}

// done ends a command that is booked.
func (b *booking) done(ctx context.Context, made *chainLink) error {
	answer := wire.Answer{State: wire.StateDone, Command: b.k.id}
	if b.v != nil {
		answer.Visit = b.shown(b.v, b.k.language)
	}
	return b.end(ctx, &refusal{status: http.StatusOK, answer: answer}, made)
}

// end keeps the final answer, and only then lets the bytes of a file go.
func (b *booking) end(ctx context.Context, r *refusal, made *chainLink) error {
	v := b.v
	if !b.live {
		v = nil
	}
	k := *b.k
	if err := k.end(r, b.clock.Now()); err != nil {
		return err
	}
	first, err := b.store.finish(ctx, &k, v, made)
	if err != nil {
		return err
	}
	if first { // else the answer that is kept is another one
		*b.k = k
	}
	if k.kind != fileAttach {
		return nil
	}
	if err := b.uploads.Remove(ctx, k.userID, k.id); err != nil { // it ends with its time
		b.log.WarnContext(ctx, "the bytes of a file stay for now", "command", k.id, "error", err)
	}
	return nil
}

// attachFile books a file, which the uploads' part does. The copy is enough to refuse one at
// once; what is committed, and told, is what the visit is then.
func (b *booking) attachFile(ctx context.Context) error {
	if err := b.look(ctx, false); err != nil {
		return err
	}
	if b.mayChange(b.k, b.v, b.person) != nil {
		if err := b.stillMay(ctx); err != nil {
			return err
		}
	}
	body, _ := b.body.(*wire.FileBody)
	if err := b.bringFile(ctx, b.k, *body, b.stillMay); err != nil {
		return final(err)
	}
	return b.done(ctx, nil)
}

// stillMay looks at the visit live, and refuses what the person may not do with it.
func (b *booking) stillMay(ctx context.Context) error {
	if err := b.look(ctx, true); err != nil {
		return err
	}
	if no := b.mayChange(b.k, b.v, b.person); no != nil {
		return no
	}
	return nil
}
