package cloud

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Which days' visits a phone gets, from today.
const (
	daysBefore = 1
	daysAfter  = 7
)

const jobPull internalapi.JobKind = "field_pull"

func (c *Cloud) visitsPart() part {
	return part{
		routes: func(on routes) {
			on.handle("GET", "visits", c.serveVisits)
			on.handle("GET", "visits/{id}", c.serveVisit)
			on.handle("GET", "catalogue", c.serveCatalogue)
		},
		kinds:     map[internalapi.JobKind]jobs.Kind{jobPull: {Run: c.pull, Single: true}},
		schedules: []internalapi.Schedule{{Name: "Pull visits", Kind: jobPull, Spec: "*/5 * * * *"}},
		run:       c.pullAtStart,
		clean:     c.cleanVisits,
	}
}

// today is the day now in the company's zone, and others counted from it.
func (c *Cloud) today(days int) string {
	return c.clock.Now().In(c.zone).AddDate(0, 0, days).Format(time.DateOnly)
}

// midnight is when the day begins that is so many days after that of a time.
func midnight(of time.Time, days int, zone *time.Location) time.Time {
	of = of.In(zone)
	return time.Date(of.Year(), of.Month(), of.Day()+days, 0, 0, 0, 0, zone)
}

func (c *Cloud) serveVisits(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	p, err := c.personOf(r.Context(), who.Behalf())
	if err != nil {
		return err
	}
	mark, err := c.store.watermark(r.Context(), setVisits)
	if err != nil {
		return err
	}
	out := wire.Visits{AsOf: mark.syncedAt.UTC(), Visits: []wire.Visit{}}
	if p.id != "" {
		found, err := c.store.visitsOf(r.Context(), p.id, c.today(-daysBefore), c.today(daysAfter))
		if err != nil {
			return err
		}
		language := languageOf(r)
		for _, v := range found {
			out.Visits = append(out.Visits, *c.shown(v, language))
		}
	}
	return writeTagged(w, r, out)
}

// writeTagged answers with an ETag, or with 304 where the caller has it already.
func writeTagged(w http.ResponseWriter, r *http.Request, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Vary", "Accept-Language")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	writeJSON(w, http.StatusOK, json.RawMessage(text))
	return nil
}

// errNoVisit is what is told of a visit that is not there, or is not the caller's to see.
func errNoVisit(id string) error {
	return problem(http.StatusNotFound, wire.NotFound, wire.NoVisit, wire.Args{"visit": clip(id)})
}

func clip(s string) string { return s[:min(len(s), 60)] }

func (c *Cloud) serveVisit(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	id := r.PathValue("id")
	if uuid.Validate(id) != nil || len(id) != 36 {
		return errNoVisit(id)
	}
	ctx := client.OnBehalfOf(r.Context(), who.Behalf())
	p, err := c.personOf(ctx, who.Behalf())
	if err != nil {
		return err
	}
	v, files, err := c.readVisit(ctx, id)
	if err != nil {
		return err
	}
	if v == nil || p.id == "" || v.responsible() != p.id {
		return errNoVisit(id)
	}
	if err := c.store.keepVisit(ctx, c.config.DB.Writer(), v); err != nil {
		return err
	}
	out := c.shown(v, languageOf(r))
	if out.Files, err = c.filesFor(ctx, who, files); err != nil {
		return err
	}
	if out.History, err = c.history(r.Context(), v, who); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// readVisit reads a visit and its files in one call; nil where there is none.
func (c *Cloud) readVisit(ctx context.Context, id string) (*visit, []wire.File, error) {
	var v visit
	var found struct {
		Value []struct {
			Files []struct {
				ID                                                 string `json:"Id"`
				FileName, MediaType, PurposeCode, AccessPermission string
				FileSizeBytes                                      int64
				ExternalID                                         string `json:"ExternalId"`
			}
		}
	}
	one := &client.BatchPart{Read: visitPath(id), Into: &v}
	files := &client.BatchPart{Into: &found, Read: setObjects + "?$select=Id&$expand=" + escape("Files($select=Id,FileName,MediaType,FileSizeBytes,PurposeCode,AccessPermission,ExternalId)") +
		"&$filter=" + escape("EntityType eq '"+setVisits+"' and EntityItemId eq "+id)}
	if err := c.reads.Batch(ctx, false, one, files); err != nil {
		return nil, nil, err
	}
	if isNotFound(one.Err) {
		return nil, nil, nil
	}
	if err := errors.Join(one.Err, files.Err); err != nil {
		return nil, nil, err
	}
	list := []wire.File{}
	for _, o := range found.Value {
		for _, f := range o.Files {
			list = append(list, wire.File{ID: f.ID, External: f.AccessPermission == "External", Name: f.FileName, MediaType: f.MediaType, Bytes: f.FileSizeBytes, Purpose: f.PurposeCode, ExternalID: f.ExternalID})
		}
	}
	return &v, list, nil
}

// filesFor leaves out of the files of a visit what is for people inside alone, where somebody
// from outside asks; what they have sent themselves is theirs to see.
func (c *Cloud) filesFor(ctx context.Context, who *client.Caller, files []wire.File) ([]wire.File, error) {
	if !who.External() {
		return files, nil
	}
	shown := []wire.File{}
	for _, f := range files {
		own := f.External
		if id := strings.TrimSuffix(f.ExternalID, thumbnailOf); !own && uuid.Validate(id) == nil {
			k, err := c.store.command(ctx, who.Behalf().UserID, id)
			if err != nil {
				return nil, err
			}
			own = k != nil
		}
		if own {
			shown = append(shown, f)
		}
	}
	return shown, nil
}

func isNotFound(err error) bool {
	var api *client.APIError
	return errors.As(err, &api) && api.Status == http.StatusNotFound
}

// maxHistory is how many visits before one are told.
const maxHistory = 3

// history are the last three visits of the object before this one, with those of its day: of
// those that the person may read at the ERP, as the service may read more. Who may read none
// there, as everybody from outside, is told of their own.
func (c *Cloud) history(ctx context.Context, v *visit, who *client.Caller) ([]wire.Past, error) {
	list := []wire.Past{}
	if v.DefaultServiceObject == nil || v.StartTime == nil {
		return list, nil
	}
	query := client.Query{
		Select: "Id,DocumentNo,DocumentDate,StartTime,Subject,Notes", OrderBy: "StartTime desc", Top: maxHistory + 1, // the visit itself may be among them
		Filter: client.And("DefaultServiceObject eq "+client.Quote(client.Ref("Applications_Service_ServiceObjects", v.DefaultServiceObject.ID)),
			"State ge Erp.General_DocumentState'Completed'", "StartTime le "+client.Time(midnight(*v.StartTime, 1, c.zone).Add(-time.Millisecond))),
	}
	page, err := client.FirstPage[visit](client.NarrowedTo(ctx, who.Behalf()), c.reads, setVisits, query)
	if api := (*client.APIError)(nil); errors.As(err, &api) && api.Status == http.StatusForbidden {
		query.Filter = client.And(query.Filter, "ResponsibleParty eq "+client.Quote(client.Ref("General_Contacts_Parties", v.responsible())))
		page, err = client.FirstPage[visit](client.OnBehalfOf(ctx, who.Behalf()), c.reads, setVisits, query)
	}
	for i := range page.Value {
		if past := &page.Value[i]; past.ID != v.ID && len(list) < maxHistory {
			list = append(list, wire.Past{ID: past.ID, Number: past.DocumentNo, Day: past.day(c.zone), Subject: past.Subject, Notes: past.Notes})
		}
	}
	return list, err
}

// visitOf is a visit from the copy, else from the ERP; nil where there is none.
func (c *Cloud) visitOf(ctx context.Context, id string) (*visit, error) {
	v, err := c.store.visit(ctx, id)
	if v != nil || err != nil {
		return v, err
	}
	v, _, err = c.readVisit(ctx, id)
	return v, err
}

// The copy.

func (s *store) visit(ctx context.Context, id string) (*visit, error) {
	var text, planned string
	err := s.first(ctx, `SELECT content, planned FROM visits WHERE id = $1`, []any{id}, &text, &planned)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := &visit{planned: planned}
	return v, json.Unmarshal([]byte(text), v)
}

// recall tells a visit that was read from the ERP what only the copy knows of it.
func (s *store) recall(ctx context.Context, v *visit) error {
	if !v.begun() {
		return nil
	}
	before, err := s.visit(ctx, v.ID)
	if before != nil {
		v.planned = before.planned
	}
	return err
}

func (s *store) visitsOf(ctx context.Context, person, from, to string) ([]*visit, error) {
	texts, err := sqldb.List[string](s.db.Reader().QueryContext(ctx,
		`SELECT content FROM visits WHERE responsible = $1 AND (day >= $2 OR planned >= $2) AND day <= $3 ORDER BY day, id LIMIT 500`, person, from, to))
	if err != nil {
		return nil, err
	}
	all := make([]*visit, len(texts))
	for i, text := range texts {
		all[i] = &visit{}
		if err := json.Unmarshal([]byte(text), all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// executor is a database or a transaction in it.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

const keepCopy = `INSERT INTO visits (id, responsible, day, version, content, changed_at, planned) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET responsible = excluded.responsible, day = excluded.day, version = excluded.version, content = excluded.content,
			changed_at = excluded.changed_at, planned = CASE WHEN excluded.planned = '' THEN visits.planned ELSE excluded.planned END
			WHERE visits.version <= excluded.version`

// keepVisit keeps a visit unless the copy is newer. One that is void is dropped. Of one that
// was begun the copy goes on knowing for which day it had been planned.
func (s *store) keepVisit(ctx context.Context, in executor, v *visit) error {
	if v.Void {
		_, err := in.ExecContext(ctx, `DELETE FROM visits WHERE id = $1`, v.ID)
		return err
	}
	planned := ""
	if !v.begun() {
		planned = v.day(s.zone)
	}
	_, err := in.ExecContext(ctx, keepCopy,
		v.ID, v.responsible(), v.day(s.zone), v.Version, v.json(), sqldb.Micros(v.ChangedAt), planned)
	return err
}
