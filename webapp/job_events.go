package webapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/quota"
	"github.com/hybridapps/tandem/internalapi"
)

const (
	// eventBeat is how often a silent stream says that it lives.
	eventBeat = 15 * time.Second
	// eventLife ends a stream; the browser opens another by itself.
	eventLife = 30 * time.Minute
	// eventPause is the wait before the worker is asked again.
	eventPause = time.Second
)

// jobEvents relays the worker's events of a job to the browser (server-sent
// events), as the same JSON that the job's own address gives. When the worker
// ends its stream because the evidence has expired, a fresh ID token goes on.
func (a *App) jobEvents(v *visit) error {
	giveBack, outcome := a.streams.Take(v.who.UserID)
	switch outcome {
	case quota.AllTaken:
		return tandem.Errorf(tandem.CodeThrottled, "Too many pages follow jobs right now. Reload the page to see the progress.")
	case quota.EachTaken:
		return tandem.Errorf(tandem.CodeThrottled, "You have %d pages open that follow jobs. Close some, or reload the page to see the progress.", a.streams.Each)
	}
	defer giveBack()
	id := v.r.PathValue("id")
	token, err := v.evidence()
	if err != nil {
		return err
	}
	// The first look decides between a stream and an error page.
	job, err := a.worker.Job(v.ctx(), token, id)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(v.ctx(), eventLife)
	defer cancel()
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s := &eventStream{w: v.w, c: http.NewResponseController(v.w)}
	if s.send(job) != nil || job.State.Final() {
		return nil
	}

	events := make(chan internalapi.Job)
	go func() {
		defer close(events)
		a.follow(ctx, v, id, events)
	}()
	// The goroutine has ended before the handler returns: it uses the visit.
	defer func() {
		cancel()
		for range events {
		}
	}()
	beat := time.NewTicker(eventBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.ending:
			return nil
		case <-beat.C:
			if s.write(": still here\n\n") != nil {
				return nil
			}
		case job, ok := <-events:
			if !ok || s.send(job) != nil || job.State.Final() {
				return nil
			}
		}
	}
}

// follow sends the job's changes until it has ended, ctx ends, or asking again
// makes no sense: then the browser asks, and sees why.
func (a *App) follow(ctx context.Context, v *visit, id string, events chan<- internalapi.Job) {
	final, refused := false, 0
	for {
		token, err := v.session.IDToken(ctx)
		if err == nil {
			err = a.worker.JobEvents(ctx, token, id, func(j internalapi.Job) error {
				final, refused = j.State.Final(), 0
				select {
				case events <- j:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
		if ctx.Err() != nil || final || err == nil || errors.Is(err, client.ErrSignedOut) {
			return
		}
		switch code := tandem.ErrorCode(err); {
		case code == tandem.CodeUnauthorized && refused == 0:
			refused++ // the token may have expired on the way
		case !errors.Is(err, io.ErrUnexpectedEOF) && code != tandem.CodeUnavailable:
			return
		}
		select {
		case <-time.After(eventPause):
		case <-ctx.Done():
			return
		}
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (s *eventStream) send(j internalapi.Job) error {
	text, err := json.Marshal(jsonOf(j))
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("data: %s\n\n", text))
}

func (s *eventStream) write(text string) error {
	// A server without deadlines has none to move.
	_ = s.c.SetWriteDeadline(tandem.SystemTime().Add(2 * eventBeat))
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.c.Flush()
}
