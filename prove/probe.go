package prove

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// outcome is what became of an attempt, when there was one.
type outcome struct {
	verdict        Verdict
	why            string
	sent, answered Shown
}

// probe tries one thing: f returns its outcome, or as an error why it could not be
// tried. A row that was not asked for is not tried.
func (r *run) probe(ctx context.Context, id, name string, core bool, f func(context.Context) (outcome, error)) {
	row := r.rows[id]
	if row == nil {
		return
	}
	begun := time.Now()
	o, err := f(ctx)
	if cause := context.Cause(ctx); err != nil && ctx.Err() != nil {
		err = cause
	}
	if err != nil {
		o = outcome{verdict: NotTested, why: err.Error(), sent: o.sent, answered: o.answered}
	}
	row.Probes = append(row.Probes, Probe{
		Name: name, Core: core, Sent: o.sent, Answered: o.answered, MS: time.Since(begun).Milliseconds(), Verdict: o.verdict, Why: r.secrets.Show(o.why),
	})
}

// core and extra are probes that decide a row, and those that can only make it fail.
func (r *run) core(ctx context.Context, id, name string, f func(context.Context) (outcome, error)) {
	r.probe(ctx, id, name, true, f)
}

func (r *run) extra(ctx context.Context, id, name string, f func(context.Context) (outcome, error)) {
	r.probe(ctx, id, name, false, f)
}

// absent is an extra probe that cannot be tried here.
func (r *run) absent(ctx context.Context, id, name, why string) {
	r.extra(ctx, id, name, func(context.Context) (outcome, error) { return outcome{}, errors.New(why) })
}

// holds is an attempt that was refused as it must be.
func (r *run) holds(a *answer) outcome {
	return outcome{verdict: Holds, sent: a.sent(&r.secrets), answered: a.answered(&r.secrets)}
}

// fails is an attempt that succeeded.
func (r *run) fails(a *answer, why string, args ...any) outcome {
	return outcome{Fails, fmt.Sprintf(why, args...), a.sent(&r.secrets), a.answered(&r.secrets)}
}

// refused decides about an answer that must refuse; what says what a good answer
// would mean. An error of the server is no refusal.
func (r *run) refused(a *answer, what string) (outcome, error) {
	if a.ok() {
		return r.fails(a, "%s", what), nil
	}
	return r.holds(a), neither(a)
}

// neither is the error of an answer that says neither yes nor no.
func neither(a *answer) error {
	if a.status >= 500 || a.status == http.StatusTooManyRequests {
		return fmt.Errorf("%d is neither yes nor no", a.status)
	}
	return nil
}

// uncontrolled is the error of what must work and did not.
func (r *run) uncontrolled(what string, a *answer) error {
	return fmt.Errorf("%s did not work, so a refusal would show nothing: %s", what, a.answered(&r.secrets))
}

// worse keeps the first outcome that does not hold.
func worse(a, b outcome) outcome {
	if a.verdict == Fails {
		return a
	}
	return b
}

// settle decides about the row: the first attempt that succeeded makes it fail, and
// every core probe must have been tried for it to hold.
func (w *Row) settle(two bool) {
	w.Verdict, w.Why = Holds, Shown{}
	cores := 0
	for i := range w.Probes {
		p := &w.Probes[i]
		if p.Core {
			cores++
		}
		switch {
		case p.Verdict == Fails:
			w.Verdict, w.Why = Fails, Plain("%s: %s", p.Name, p.Why)
			return
		case p.Verdict == NotTested && p.Core && w.Verdict == Holds:
			w.Verdict, w.Why = NotTested, Plain("%s: %s", p.Name, p.Why)
		}
	}
	switch {
	case cores == 0:
		w.Verdict = NotTested
		if len(w.Probes) > 0 && w.Why.text == "" {
			w.Why = w.Probes[0].Why
		}
	case w.Verdict == Holds && two:
		w.Why = Plain("with two registrations")
	}
}

// within polls what may take five seconds to take effect, for six: at most four times.
func within(ctx context.Context, done func() (bool, error)) (bool, error) {
	end := time.Now().Add(6 * time.Second)
	for {
		ok, err := done()
		if ok || err != nil || time.Now().After(end) {
			return ok, err
		}
		if err := sleep(ctx, 2*time.Second); err != nil {
			return false, err
		}
	}
}

// memo is what is got once, with its error.
type memo[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (m *memo[T]) get(f func() (T, error)) (T, error) {
	m.once.Do(func() { m.value, m.err = f() })
	return m.value, m.err
}

// list joins words for a sentence.
func list(words []string) string { return strings.Join(words, ", ") }
