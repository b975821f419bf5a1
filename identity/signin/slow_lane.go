package signin

import (
	"context"
	"sync"
)

// slowLane lets the attempts from addresses with many failures pass one after another.
// An address queues with one attempt at a time: however many somebody sends, who comes
// from elsewhere waits for one of them.
type slowLane struct {
	place chan struct{} // has one

	lock    sync.Mutex
	address map[string]*queue // those with attempts in the lane or before it
}

// queue is the place of an address in the lane's queue.
type queue struct {
	place chan struct{} // has one
	users int           // who have it or wait for it
}

func newSlowLane() *slowLane {
	return &slowLane{place: make(chan struct{}, 1), address: map[string]*queue{}}
}

// enter waits for the turn of an attempt from the address. The error is ctx's.
func (l *slowLane) enter(ctx context.Context, address string) (leave func(), err error) {
	own := l.queue(address)
	if err := take(ctx, own.place); err != nil {
		l.forget(address)
		return nil, err
	}
	if err := take(ctx, l.place); err != nil {
		<-own.place
		l.forget(address)
		return nil, err
	}
	return func() {
		<-l.place
		<-own.place
		l.forget(address)
	}, nil
}

func take(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queue is that of the address, with one more user.
func (l *slowLane) queue(address string) *queue {
	l.lock.Lock()
	defer l.lock.Unlock()
	q := l.address[address]
	if q == nil {
		q = &queue{place: make(chan struct{}, 1)}
		l.address[address] = q
	}
	q.users++
	return q
}

// forget takes a user from the address's queue.
func (l *slowLane) forget(address string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	q := l.address[address]
	if q.users--; q.users == 0 {
		delete(l.address, address)
	}
}
