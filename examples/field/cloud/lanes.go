package cloud

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/picture"
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
	// commandPlaces and filePlaces are how many lanes the background works on at a time.
	// Photos take long: no command waits for one.
	commandPlaces, filePlaces = 8, 2
	// callsAtOnce is how many commands call the ERP at a time, which is as many connections
	// as the SDK keeps.
	callsAtOnce = 32
	// maxWait is the longest wait before the next try.
	maxWait = 2 * time.Minute
	// postponeIn bounds the note that something has to wait.
	postponeIn = 5 * time.Second
	// callIn is the time that each command has for its calls of the ERP.
	callIn = 10 * time.Second
	// fileIn is the time that each file has in the background: to wait for who reads pictures,
	// to be read, and to be written. One that takes longer than it may to be read is refused
	// within it.
	fileIn = 2*picture.Within + 30*time.Second
	// slowTries is after how many tries that failed somebody should look at a picture that is
	// not read in its time.
	slowTries = 2
)

// paused reports whether the ERP wants to be left alone.
func (c *Cloud) paused() bool { return c.clock.Now().UnixMicro() < c.pausedUntil.Load() }

// bookNow books a command that came just now, of which the ERP cannot know, if all before it
// is booked. Else it is for the background. It goes on where the phone has gone out of reach.
func (c *Cloud) bookNow(ctx context.Context, k *command) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.bookIn)
	defer cancel()
	unlock, err := c.lanes.lock(ctx, laneOf(k))
	if err == nil {
		defer unlock()
		var next bool
		if next, err = c.store.isNext(ctx, k, c.clock.Now()); next && (k.kind == fileAttach || timeLeft(ctx, callIn)) {
			c.bookOrPostpone(ctx, k, true)
			return
		}
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), postponeIn)
	defer cancel()
	if err := errors.Join(err, c.store.letGo(ctx, k, c.clock.Now())); err != nil {
		c.log.WarnContext(ctx, "a command waits for its time", "command", k.id, "error", err)
	}
	c.commandDesk.wake()
}

// runLane books what waits in a lane, in its order, until something has to wait or the time
// is over.
func (c *Cloud) runLane(ctx context.Context, l lane) {
	unlock, err := c.lanes.lock(ctx, l)
	if err != nil {
		return
	}
	defer unlock()
	waiting, err := c.store.open(ctx, l)
	if err != nil {
		c.log.ErrorContext(ctx, "commands that wait cannot be read", "error", err)
		return
	}
	held := map[string]bool{} // devices of which one was refused: what they sent behind it has its answer
	for i := range waiting {
		k := &waiting[i]
		notYet := k.heldBy != c.replica() && k.dueAt.After(c.clock.Now()) // or another replica has it in hand
		switch {
		case l.files && !timeLeft(ctx, c.config.fileIn):
			c.letGo(ctx, waiting[i:])
			return
		case ctx.Err() != nil || !l.files && (notYet || !timeLeft(ctx, callIn)):
			return
		case notYet || held[k.device]:
			continue
		}
		if !c.bookOrPostpone(ctx, k, false) && !l.files {
			return
		}
		held[k.device] = k.refused() && !l.files
	}
}

// letGo gives back what this replica has in hand of a lane and does not come to.
func (c *Cloud) letGo(ctx context.Context, left []command) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postponeIn)
	defer cancel()
	for i := range left {
		if k := &left[i]; k.heldBy == c.replica() {
			if err := c.store.letGo(ctx, k, c.clock.Now()); err != nil {
				c.log.WarnContext(ctx, "a command waits for its time", "command", k.id, "error", err)
			}
		}
	}
}

// bookOrPostpone books a command in the time that it has. What is not booked has to wait.
func (c *Cloud) bookOrPostpone(ctx context.Context, k *command, fresh bool) (booked bool) {
	var err error
	if k.kind == fileAttach {
		err = c.bookFile(ctx, k, fresh)
	} else {
		err = c.bookInTurn(ctx, k, fresh)
	}
	if errors.Is(err, errEnded) {
		return true
	}
	if err != nil {
		c.postpone(ctx, k, err)
	}
	return err == nil
}

// bookInTurn books a command when a call of the ERP is free: more of them at a time would
// make each slower, and open a connection for each.
func (c *Cloud) bookInTurn(ctx context.Context, k *command, fresh bool) error {
	select {
	case c.calls <- struct{}{}:
		defer func() { <-c.calls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, callIn)
	defer cancel()
	return c.book(ctx, k, fresh)
}

// bookFile books a file in a time of its own, which its sender does not wait for.
func (c *Cloud) bookFile(ctx context.Context, k *command, fresh bool) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.fileIn)
	defer cancel()
	return c.book(ctx, k, fresh)
}

// timeLeft reports whether what is begun now and takes so long has all its time.
func timeLeft(ctx context.Context, in time.Duration) bool {
	end, bounded := ctx.Deadline()
	return !bounded || time.Until(end) > in
}

// postpone notes that a command waits, and slows everybody down where the ERP asks for it.
func (c *Cloud) postpone(ctx context.Context, k *command, cause error) {
	ended := ctx.Err() != nil // its lane's time, or ours: nothing has failed
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postponeIn)
	defer cancel()
	now := c.clock.Now()
	switch {
	case errors.Is(cause, errPending) || ended && k.kind == fileAttach: // pictures take their time
		c.wait(ctx, k, "the file is being processed", false, 3*time.Second)
		return
	case ended:
		c.wait(ctx, k, "", false, 0)
		return
	case errors.Is(cause, errSlowPicture):
		if k.tries >= slowTries {
			c.log.WarnContext(ctx, "a picture is not read in its time, again and again", "command", k.id, "tries", k.tries+1, "error", cause)
		}
		c.wait(ctx, k, "the file is being processed", true, min(time.Second<<min(k.tries, 7), maxWait))
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
	c.wait(ctx, k, note, true, wait)
}

// wait has a command wait for so long.
func (c *Cloud) wait(ctx context.Context, k *command, note string, failed bool, wait time.Duration) {
	if err := c.store.waits(ctx, k, note, failed, c.clock.Now().Add(wait)); err != nil {
		c.log.ErrorContext(ctx, "a command cannot be postponed", "command", k.id, "error", err)
	}
}

// replica is this process among those that work on the store. It keeps its name when it is
// started again.
func (c *Cloud) replica() string { return "cloud " + c.config.ServiceInstance }

// keepBooking books what waits until ctx ends. What this replica had in hand when it ended
// is not in anybody's.
func (c *Cloud) keepBooking(ctx context.Context) error {
	if err := c.store.releaseAll(ctx, c.replica()); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.keepLanes(ctx, &c.commandDesk) })
	g.Go(func() error { return c.keepLanes(ctx, &c.fileDesk) })
	return g.Wait()
}

// desk is where the background works on the lanes of one kind, so many at a time.
type desk struct {
	files  bool
	places int
	// woken has what waits looked at now.
	woken chan struct{}
}

func newDesk(files bool, places int) desk { return desk{files, places, make(chan struct{}, 1)} }

func (d *desk) wake() {
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// keepLanes works on what is due until ctx ends.
func (c *Cloud) keepLanes(ctx context.Context, d *desk) error {
	var atWork errgroup.Group
	atWork.SetLimit(d.places)
	tick := time.NewTicker(bookEvery)
	defer tick.Stop()
	for {
		more, err := c.runDue(ctx, d, &atWork)
		if err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "commands that wait cannot be read", "error", err)
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return atWork.Wait()
		case <-tick.C:
		case <-d.woken:
		}
	}
}

// runDue begins with the lanes that are due, as places get free; more says that there may be
// others.
func (c *Cloud) runDue(ctx context.Context, d *desk, atWork *errgroup.Group) (more bool, err error) {
	if c.paused() {
		return false, nil
	}
	due, err := c.store.due(ctx, d.files, c.clock.Now())
	for _, l := range due {
		atWork.Go(func() error {
			c.takeLane(ctx, l)
			return nil
		})
	}
	return len(due) == maxDue, err
}

// takeLane works on a lane, unless another replica was faster.
func (c *Cloud) takeLane(ctx context.Context, l lane) {
	in := c.config.bookIn
	if l.files { // for so long it begins with others, and then the last one has all its time
		in += c.config.fileIn
	}
	ctx, cancel := context.WithTimeout(ctx, in)
	defer cancel()
	now := c.clock.Now()
	if c.paused() {
		return
	}
	taken, err := c.store.take(ctx, l, c.replica(), now, now.Add(in))
	if err != nil && ctx.Err() == nil {
		c.log.ErrorContext(ctx, "what waits cannot be taken in hand", "error", err)
	}
	if taken {
		c.runLane(ctx, l)
	}
}
