package agent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/fault"
)

// Limits of the channel.
const (
	respondIn  = 30 * time.Second
	transferIn = 10 * time.Minute
	maxBody    = 1 << 20
)

// answer answers a person's request with JSON.
type answer func(r *http.Request, p *person) (any, error)

// Handler serves the channel. Every request needs the channel key, and all but the
// health the ID token of the person who asks.
func (a *Agent) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f answer) { mux.Handle(pattern, a.endpoint(respondIn, asJSON(f))) }
	prices := func(pattern string, f answer) { handle(pattern, a.ofPrices(f)) }
	prices("GET "+wire.PathBatches, a.serveBatches)
	prices("GET "+wire.PathBatches+"/{id}", a.serveBatch)
	prices("GET "+wire.PathBatches+"/{id}/rows", a.serveRows)
	prices("GET "+wire.PathBatches+"/{id}/groups", a.serveGroups)
	prices("POST "+wire.PathBatches+"/{id}/strike", a.serveStrike)
	prices("POST "+wire.PathBatches+"/{id}/decide", a.serveDecide)
	prices("POST "+wire.PathBatches+"/{id}/rollback", a.serveRollback)
	for _, what := range []string{"pause", "resume", "cancel", "check"} {
		prices("POST "+wire.PathBatches+"/{id}/"+what, a.serveControl(what))
	}
	handle("GET "+wire.PathMappings, a.serveMappings)
	handle("GET "+wire.PathMappings+"/{name}", a.serveMapping)
	handle("POST "+wire.PathMappings+"/{name}", a.serveSaveMapping)
	prices("POST "+wire.PathTry, a.serveTry)
	handle("GET "+wire.PathConnectors, a.serveConnectors)
	handle("POST "+wire.PathConnectors+"/{name}", a.serveSaveConnector)
	handle("DELETE "+wire.PathConnectors+"/{name}", a.serveRemoveConnector)
	handle("GET "+wire.PathChanges, a.serveChanges)
	mux.Handle("GET "+wire.PathBatches+"/{id}/{report}", a.endpoint(transferIn, a.serveReport))
	mux.Handle("POST "+wire.PathFiles, a.endpoint(transferIn, a.serveHandIn))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.config.ChannelKey.Accepts(r) {
			internalapi.RefuseChannel(w)
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			internalapi.WriteError(w, tandem.Errorf(tandem.CodeNotFound, "the agent has no such path or method"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *Agent) endpoint(limit time.Duration, f func(w http.ResponseWriter, r *http.Request, p *person) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		c, end := http.NewResponseController(w), tandem.SystemTime().Add(limit)
		_, _ = c.SetReadDeadline(end), c.SetWriteDeadline(end) // a server without deadlines has none to move
		r = r.WithContext(ctx)
		p, err := a.personOf(r)
		if err == nil {
			if limit == respondIn {
				r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			}
			err = f(w, r, p)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}

// refuse responds with the error, in words for people: what the ERP says is not for
// them, as it was asked with other rights than theirs.
func (a *Agent) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	switch own := fault.Own(err); {
	case own != nil:
		err = own
	case errors.As(err, &large):
		err = tandem.Errorf(tandem.CodeTooLarge, "the request is too large")
	case fault.Of(err, 0).Wait > 0:
		err = tandem.Errorf(tandem.CodeUnavailable, "%s; try again in a moment", fault.Of(err, 0).Reason)
	default:
		a.log.Warn("a request failed", "path", r.Pattern, "error", err)
	}
	internalapi.WriteError(w, err)
}

func asJSON(f answer) func(http.ResponseWriter, *http.Request, *person) error {
	return func(w http.ResponseWriter, r *http.Request, p *person) error {
		v, err := f(r, p)
		if err == nil {
			internalapi.WriteJSON(w, http.StatusOK, v)
		}
		return err
	}
}

func body[T any](r *http.Request) (v T, err error) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return v, err
		}
		return v, wrong("the body of the request cannot be read")
	}
	return v, nil
}

func batchID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, tandem.Errorf(tandem.CodeNotFound, "there is no batch %q", tandem.Clip(r.PathValue("id"), 20))
	}
	return id, nil
}

func pageOf(r *http.Request) (skip, top int) {
	number := func(name string, otherwise, most int) int {
		n, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil || n < 0 {
			return otherwise
		}
		return min(n, most)
	}
	return number("skip", 0, maxRows), max(1, number("top", 50, wire.MaxPage))
}

func (a *Agent) serveBatches(r *http.Request, p *person) (any, error) {
	skip, top := pageOf(r)
	all, err := a.store.find(r.Context(), a.config.DB.Reader(), `ORDER BY id DESC LIMIT $1 OFFSET $2`, top+1, skip)
	if err != nil {
		return nil, err
	}
	page := wire.Page[wire.Batch]{Rows: []wire.Batch{}, More: len(all) > top}
	for i := range all[:min(top, len(all))] {
		one, err := a.shown(r.Context(), p, &all[i])
		if err != nil {
			return nil, err
		}
		page.Rows = append(page.Rows, one)
	}
	return page, nil
}

// shown is a batch as a person sees it, without what only its own page has.
func (a *Agent) shown(ctx context.Context, p *person, b *batch) (out wire.Batch, err error) {
	out = wire.Batch{
		ID: b.id, Kind: b.kind, Parent: b.parent, State: b.state, Note: b.note, File: b.fileName, Size: b.size,
		SHA256: b.sha256, Connector: b.connector,
		PlacedBy: b.placedBy, Mapping: b.mapping, MappingVersion: b.mappingVersion, Currency: b.currency, ReceivedAt: b.receivedAt,
		CheckedAt: internalapi.When(b.checkedAt), DecidedAt: internalapi.When(b.decidedAt), FinishedAt: internalapi.When(b.finishedAt),
		DecidedBy: b.decidedBy, Reason: b.reason, SystemUser: b.systemUser, Why: b.reasons(), Control: b.control,
	}
	if out.Figures, err = a.store.figures(ctx, a.config.DB.Reader(), b.id); err != nil {
		return out, err
	}
	if out.Approvers, err = a.approvers(ctx, b); err != nil {
		return out, err
	}
	out.MayManage = a.edits(p) || p.in(out.Approvers)
	if b.state == wire.Failed {
		stuck, err := a.stuck(ctx, b.id)
		if err != nil {
			return out, err
		}
		out.Stuck = stuck != ""
	}
	if b.state == wire.Waiting {
		if out.WhyNot, err = a.mayDecide(ctx, a.config.DB.Reader(), p, b, out.Approvers); err != nil {
			return out, err
		}
		out.MayDecide = out.WhyNot == ""
	}
	if jobOf[b.state] != "" {
		if job, err := a.jobs.Job(ctx, everything, b.jobID); err == nil {
			out.Progress, out.JobNote = job.Progress, job.Note
		}
	}
	return out, nil
}

func (a *Agent) serveBatch(r *http.Request, p *person) (any, error) {
	id, err := batchID(r)
	if err != nil {
		return nil, err
	}
	return a.whole(r.Context(), p, id)
}

// whole is a batch with all about it.
func (a *Agent) whole(ctx context.Context, p *person, id int64) (out wire.Batch, err error) {
	b, err := a.store.batch(ctx, id)
	if err != nil {
		return out, err
	}
	if out, err = a.shown(ctx, p, b); err != nil {
		return out, err
	}
	largest := 0.0
	if b.mapping != "" {
		rules, err := a.rulesOf(ctx, b)
		if err != nil {
			return out, err
		}
		largest = rules.Gate.Largest
	}
	if out.Histogram, err = a.store.histogram(ctx, id, largest); err != nil {
		return out, err
	}
	out.Events, err = a.store.events(ctx, id)
	return out, err
}

func (a *Agent) serveRows(r *http.Request, _ *person) (any, error) {
	id, err := batchID(r)
	if err != nil {
		return nil, err
	}
	if _, err := a.store.batch(r.Context(), id); err != nil {
		return nil, err
	}
	skip, top := pageOf(r)
	q := r.URL.Query()
	rows, err := a.store.page(r.Context(), id, wire.RowState(q.Get("state")), q.Get("sort") == "largest", skip, top+1)
	if err != nil {
		return nil, err
	}
	page := wire.Page[wire.Row]{Rows: []wire.Row{}, More: len(rows) > top}
	for i := range rows[:min(top, len(rows))] {
		page.Rows = append(page.Rows, rows[i].shown())
	}
	return page, nil
}

func (a *Agent) serveGroups(r *http.Request, _ *person) (any, error) {
	id, err := batchID(r)
	if err != nil {
		return nil, err
	}
	groups, err := a.store.groups(r.Context(), id)
	if groups == nil {
		groups = []wire.Group{}
	}
	return groups, err
}

// reason checks what somebody wrote as a reason.
func reason(text string) error {
	if text == "" {
		return wrong("say why: the reason is kept with the batch")
	}
	if len([]rune(text)) > wire.MaxText {
		return wrong("the reason is longer than %d characters", wire.MaxText)
	}
	return nil
}

func (a *Agent) serveStrike(r *http.Request, p *person) (any, error) {
	id, err := batchID(r)
	if err != nil {
		return nil, err
	}
	s, err := body[wire.Strike](r)
	if err == nil && (len(s.Lines) == 0 || len(s.Lines) > 10*wire.MaxPage) {
		err = wrong("choose between one and %d rows", 10*wire.MaxPage)
	}
	if err == nil {
		err = a.strike(r.Context(), p, id, s)
	}
	if err != nil {
		return nil, err
	}
	return a.whole(r.Context(), p, id)
}

func (a *Agent) serveDecide(r *http.Request, p *person) (any, error) {
	id, err := batchID(r)
	if err != nil {
		return nil, err
	}
	d, err := body[wire.Decision](r)
	if err == nil {
		err = reason(d.Reason)
	}
	if err == nil {
		err = a.decide(r.Context(), p, id, d)
	}
	if err != nil {
		return nil, err
	}
	return a.whole(r.Context(), p, id)
}

func (a *Agent) serveControl(what string) answer {
	return func(r *http.Request, p *person) (any, error) {
		id, err := batchID(r)
		if err == nil {
			err = a.control(r.Context(), p, id, what)
		}
		if err != nil {
			return nil, err
		}
		return a.whole(r.Context(), p, id)
	}
}

func (a *Agent) serveRollback(r *http.Request, p *person) (any, error) {
	id, err := batchID(r)
	if err != nil {
		return nil, err
	}
	ask, err := body[wire.Rollback](r)
	if err == nil {
		err = reason(ask.Reason)
	}
	if err == nil {
		id, err = a.rollBack(client.OnBehalfOf(r.Context(), p.IDToken), p, id, ask)
	}
	if err != nil {
		return nil, err
	}
	return a.whole(r.Context(), p, id)
}
