package platform

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
)

// queue is how the deliveries of a kind are sent, by one replica at a time.
type queue struct {
	kind string
	// atOnce are looked at in one go, waits the times between tries; after the last of
	// them there is no more hope.
	atOnce int
	waits  []time.Duration
	// secret bodies are deleted as soon as nobody needs them.
	secret bool
	// send makes one try; errTooLate says that no other would be of use.
	send func(ctx context.Context, d *data.Delivery) error
	// refused is told of each try that failed.
	refused func(d *data.Delivery, failed error)
}

var errTooLate = errors.New("it is of no use any more")

// deliver sends what is due of a queue.
func (i *Instance) deliver(ctx context.Context, q *queue) error {
	store := data.NewDeliveries(i.DB)
	due, err := store.Due(ctx, q.kind, i.config.Clock.Now(), q.atOnce)
	for n := range due {
		d := &due[n]
		d.Tries++
		d.TriedAt = i.config.Clock.Now()
		switch failed := q.send(ctx, d); {
		case failed == nil:
			d.State, d.LastError = data.DeliveryDone, ""
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			d.LastError = tandem.Clip(failed.Error(), 300)
			if d.Tries > len(q.waits) || errors.Is(failed, errTooLate) {
				d.State = data.DeliveryFailed
			} else {
				d.NextAt = i.config.Clock.Now().Add(q.waits[d.Tries-1])
			}
			q.refused(d, failed)
		}
		if q.secret && d.State != data.DeliveryWaiting {
			d.Body = ""
		}
		if err := store.Tried(ctx, d); err != nil {
			return err
		}
	}
	return err
}
