package cloud

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/worker/fault"
)

// lane is what is booked one after the other: a person's commands of one visit. Files have
// a lane of their own, as they take long.
type lane struct {
	userID, visit string
	files         bool
}

func laneOf(k *command) lane { return lane{k.userID, k.visit, k.kind == fileAttach} }

// lanes are those in which somebody is at work.
type lanes struct {
	mu   sync.Mutex
	held map[lane]*laneLock
}

type laneLock struct {
	free chan struct{}
	n    int // who hold it or wait
}

// lock waits for a lane, no longer than the context.
func (l *lanes) lock(ctx context.Context, of lane) (unlock func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[lane]*laneLock{}
	}
	x := l.held[of]
	if x == nil {
		x = &laneLock{free: make(chan struct{}, 1)}
		l.held[of] = x
	}
	x.n++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if x.n--; x.n == 0 {
			delete(l.held, of)
		}
	}
	select {
	case x.free <- struct{}{}:
		return func() { <-x.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

const (
	// bookEvery is how often commands are looked for that wait.
	bookEvery = time.Second
	// bookAtOnce is how many lanes are worked on at a time by the background.
	bookAtOnce = 8
	// maxWait is the longest wait before the next try.
	maxWait = 2 * time.Minute
)

// runLane books what waits in a lane, in its order, until something has to wait. fresh is
// the command that came just now, of which the ERP cannot know.
func (c *Cloud) runLane(ctx context.Context, l lane, fresh, language string) {
	if c.clock.Now().UnixMicro() < c.pausedUntil.Load() {
		return
	}
	unlock, err := c.lanes.lock(ctx, l)
	if err != nil {
		return // it is kept, and found by the background
	}
	defer unlock()
	waiting, err := c.store.open(ctx, l)
	if err != nil {
		c.log.ErrorContext(ctx, "commands that wait cannot be read", "error", err)
		return
	}
	for i := range waiting {
		k := &waiting[i]
		if k.tries > 0 && k.dueAt.After(c.clock.Now()) {
			return
		}
		if ctx.Err() != nil {
			return // the rest is for the next time
		}
		err := c.book(ctx, k, k.id == fresh && k.tries == 0, language)
		if err != nil {
			c.postpone(ctx, k, err)
			if !l.files {
				return
			}
		}
	}
}

// postpone notes that a command waits, and slows everybody down where the ERP asks for it.
func (c *Cloud) postpone(ctx context.Context, k *command, cause error) {
	late := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	now := c.clock.Now()
	if errors.Is(cause, errPending) || late && k.kind == fileAttach { // pictures take their time, and nobody else waits for that
		if err := c.store.waits(ctx, k, "the file is being processed", false, now.Add(3*time.Second)); err != nil {
			c.log.ErrorContext(ctx, "a command cannot be postponed", "command", k.id, "error", err)
		}
		return
	}
	f := fault.Of(cause, int(k.tries))
	wait, note := min(max(f.Wait, time.Second<<min(k.tries, 7)), maxWait), f.Reason
	if f.Wait == 0 { // of ours: it is tried again, and somebody should look
		note = "something failed here; it is tried again"
		c.log.ErrorContext(ctx, "a command cannot be booked", "command", k.id, "type", k.kind, "error", cause)
	}
	var stranger *strangerError
	if errors.As(cause, &stranger) {
		wait, note = maxWait, "the service waits for an administrator; it is booked when they have looked" // who is in the log
	}
	var api *client.APIError
	mine := errors.As(cause, &api) && !f.Pause && api.Status != 429 && api.Status != 503 // a fault by this command says nothing of others
	if f.Wait > 0 && !mine {
		c.pausedUntil.Store(now.Add(min(f.Wait, maxWait)).UnixMicro())
	}
	if err := c.store.waits(ctx, k, note, true, now.Add(wait)); err != nil {
		c.log.ErrorContext(ctx, "a command cannot be postponed", "command", k.id, "error", err)
	}
}

// keepBooking books what waits until ctx ends.
func (c *Cloud) keepBooking(ctx context.Context) error {
	if err := c.dueAtOnce(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(bookEvery)
	defer tick.Stop()
	for {
		if err := c.bookDue(ctx); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "commands that wait cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.woken:
		}
	}
}

// dueAtOnce makes all that waits due: who had it in hand has ended.
func (c *Cloud) dueAtOnce(ctx context.Context) error {
	_, err := c.config.DB.Writer().ExecContext(ctx, `UPDATE commands SET due_at = 0 WHERE state = 'accepted'`)
	return err
}

func (c *Cloud) bookDue(ctx context.Context) error {
	due, err := c.store.due(ctx, c.clock.Now())
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(bookAtOnce)
	for _, l := range due {
		g.Go(func() error {
			within, cancel := context.WithTimeout(ctx, bookIn)
			defer cancel()
			c.runLane(within, l, "", "en")
			return nil
		})
	}
	return g.Wait()
}

// wake has what waits looked at now.
func (c *Cloud) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}
