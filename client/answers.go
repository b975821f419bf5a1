package client

import (
	"context"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// answer is what a provider said, and when it was asked.
type answer[V any] struct {
	value V
	asked time.Time
}

// answers are a provider's to questions of one kind: each is used for a while, and those
// who need it at the same time share one question. Who could not be asked has not
// answered: that is for those who waited, and not kept.
type answers[K comparable, V any] struct {
	// keep is for how long an answer is used, counted from when it was asked; within
	// bounds one question.
	keep, within time.Duration
	clock        tandem.Clock

	kept recent[K, answer[V]]

	mu      sync.Mutex
	flights map[K]*flight[answer[V]]
}

// get is the answer of now, or one that was kept. ask does not end with the caller's
// context: others may wait, too.
func (a *answers[K, V]) get(ctx context.Context, question K, ask func(context.Context) (V, error)) (answer[V], error) {
	a.mu.Lock()
	if known, ok := a.kept.get(question); ok {
		// A clock that was set back must not make an answer live longer.
		if age := a.clock.Now().Sub(known.asked); 0 <= age && age < a.keep {
			a.mu.Unlock()
			return known, nil
		}
	}
	f := a.flights[question]
	if f == nil {
		f = newFlight[answer[V]]()
		if a.flights == nil {
			a.flights = map[K]*flight[answer[V]]{}
		}
		a.flights[question] = f
		go a.fly(context.WithoutCancel(ctx), question, f, ask)
	}
	a.mu.Unlock()
	return f.wait(ctx)
}

// fly asks for all who wait.
func (a *answers[K, V]) fly(ctx context.Context, question K, f *flight[answer[V]], ask func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(ctx, a.within)
	defer cancel()
	told := answer[V]{asked: a.clock.Now()}
	var err error
	told.value, err = ask(ctx)
	a.mu.Lock()
	delete(a.flights, question)
	if err == nil {
		a.kept.put(question, told)
	}
	a.mu.Unlock()
	f.land(told, err)
}
