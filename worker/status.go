package worker

import (
	"context"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

func (w *Worker) serveStatus(rw http.ResponseWriter, r *http.Request, p *person) error {
	s, err := w.status(r.Context(), p != nil && p.UserType == tandem.InternalUser)
	if err != nil {
		return err
	}
	return ok(rw, s)
}

// status is what the worker knows about itself. details are for internal
// users; others get counts.
func (w *Worker) status(ctx context.Context, details bool) (internalapi.Status, error) {
	out := internalapi.Status{Application: w.config.ApplicationURI}
	held, user, expires := w.tokens.Status()
	if held {
		out.Tokens, out.TokenExpiresAt = 1, internalapi.When(expires)
	}
	out.Paused = w.facts.whyPaused(w.tokens)
	var err error
	if out.JobsQueued, out.JobsRunning, err = w.jobs.Counts(ctx); err != nil {
		return out, err
	}
	session, calls, ask, licence := w.facts.view()
	if ask {
		if fresh, err := w.askLicence(ctx); err == nil {
			licence = fresh
		}
	}
	out.Licence = licence
	if details {
		out.SystemUser, out.Session, out.Calls = user, session, calls
	}
	return out, nil
}

func (w *Worker) askLicence(ctx context.Context) (*internalapi.Licence, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var usage struct{ Slots, InUse, Services int }
	if err := w.erp.Do(ctx, "GET", licenceCall, nil, &usage); err != nil {
		return nil, err
	}
	out := &internalapi.Licence{Slots: usage.Slots, Used: usage.InUse, Services: usage.Services}
	w.facts.lock.Lock()
	defer w.facts.lock.Unlock()
	w.facts.licence = out
	return out, nil
}
