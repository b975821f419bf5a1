package cloud

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

const (
	// pullOverlap is asked for again, as a change can become visible later than the time
	// it carries.
	pullOverlap = 5 * time.Minute
	// fullEvery is how often all is pulled: what was deleted is seen by its absence only.
	fullEvery = 24 * time.Hour
	pullPage  = 500
	// keptDays is how long visits stay in the copy after their day.
	keptDays = 14
	// pullPeriod is how old the copy may be when the service starts.
	pullPeriod = 5 * time.Minute
	// catalogueEvery is how often services and products are read.
	catalogueEvery = time.Hour
)

type watermark struct {
	at, fullAt, syncedAt time.Time
	content              string
}

func (s *store) watermark(ctx context.Context, name string) (watermark, error) {
	var at, full, synced int64
	var m watermark
	err := s.db.Reader().QueryRowContext(ctx, `SELECT at, full_at, synced_at, content FROM watermarks WHERE name = $1`, name).Scan(&at, &full, &synced, &m.content)
	if errors.Is(err, sql.ErrNoRows) {
		return m, nil
	}
	m.at, m.fullAt, m.syncedAt = sqldb.Time(at), sqldb.Time(full), sqldb.Time(synced)
	return m, err
}

func (s *store) setWatermark(ctx context.Context, in executor, name string, m watermark) error {
	_, err := in.ExecContext(ctx, `INSERT INTO watermarks (name, at, full_at, synced_at, content) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (name) DO UPDATE SET at = excluded.at, full_at = excluded.full_at, synced_at = excluded.synced_at, content = excluded.content`,
		name, sqldb.Micros(m.at), sqldb.Micros(m.fullAt), sqldb.Micros(m.syncedAt), m.content)
	return err
}

// pullAtStart does not wait for the schedule where the copy is old.
func (c *Cloud) pullAtStart(ctx context.Context) error {
	m, err := c.store.watermark(ctx, setVisits)
	if err != nil {
		return err
	}
	if c.clock.Now().Sub(m.syncedAt) < pullPeriod {
		return nil
	}
	_, err = c.jobs.Submit(ctx, everything, jobs.Ask{Kind: jobPull, RequestedBy: "start"})
	if err != nil && ctx.Err() == nil {
		c.log.Warn("the first pull of visits cannot be asked for", "error", err)
	}
	return nil
}

// everything is within the service's own reach.
func everything(string) bool { return true }

// Pull brings the copy of visits and the catalogue up to date now.
func (c *Cloud) Pull(ctx context.Context) error {
	if err := c.pullVisits(ctx); err != nil {
		return err
	}
	return c.pullCatalogue(ctx)
}

func (c *Cloud) pull(ctx context.Context, _ *jobs.Run) error { return c.Pull(ctx) }

// pullVisits reads what has changed since the watermark, and once a day all.
func (c *Cloud) pullVisits(ctx context.Context) error {
	began := c.clock.Now()
	mark, err := c.store.watermark(ctx, setVisits)
	if err != nil {
		return err
	}
	full := mark.at.IsZero() || began.Sub(mark.fullAt) >= fullEvery
	q := visitQuery
	q.Top = pullPage
	if q.Filter = "AggregateLastUpdateTimeUtc ge " + client.Time(mark.at.Add(-pullOverlap)); full {
		q.Filter = "StartTime ge " + client.Time(midnight(c.clock.Now(), -keptDays, c.zone))
	}
	latest, seen := mark.at, map[string]bool{}
	for v, err := range client.List[visit](ctx, c.reads, setVisits, q) {
		if err != nil {
			return err
		}
		if seen[v.ID] = true; v.ChangedAt.After(latest) {
			latest = v.ChangedAt
		}
		if v.day(c.zone) < c.today(-keptDays) {
			continue
		}
		if err := c.store.keepVisit(ctx, c.config.DB.Writer(), &v); err != nil {
			return err
		}
	}
	if latest.After(began) { // what was changed meanwhile on other pages has an earlier time
		latest = began
	}
	mark.at, mark.syncedAt = latest, c.clock.Now()
	if full {
		mark.fullAt = began
		if err := c.store.dropUnseen(ctx, seen, began); err != nil {
			return err
		}
	}
	return c.store.setWatermark(ctx, c.config.DB.Writer(), setVisits, mark)
}

// dropUnseen drops visits that a full pull has not seen, and that were not made since.
func (s *store) dropUnseen(ctx context.Context, seen map[string]bool, began time.Time) error {
	ids, err := sqldb.List[string](s.db.Reader().QueryContext(ctx, `SELECT id FROM visits WHERE changed_at < $1`, sqldb.Micros(began.Add(-pullOverlap))))
	for _, id := range ids {
		if err == nil && !seen[id] {
			_, err = s.db.Writer().ExecContext(ctx, `DELETE FROM visits WHERE id = $1`, id)
		}
	}
	return err
}

func (c *Cloud) cleanVisits(ctx context.Context) error {
	_, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM visits WHERE day < $1`, c.today(-keptDays))
	return err
}

// item is a row of the catalogue, with its name in all languages.
type item struct {
	ID   string      `json:"id"`
	Code string      `json:"code"`
	Name client.Text `json:"name"`
	Unit string      `json:"unit"`
}

// catalogue is what the watermark of the catalogue keeps.
type catalogue struct{ Services, Products []item }

const markCatalogue = "catalogue"

// pullCatalogue reads services and products that can be booked.
func (c *Cloud) pullCatalogue(ctx context.Context) error {
	began := c.clock.Now()
	mark, err := c.store.watermark(ctx, markCatalogue)
	if err != nil || began.Sub(mark.syncedAt) < catalogueEvery {
		return err
	}
	var all catalogue
	type unit struct{ Code string }
	type service struct {
		ID              string `json:"Id"`
		Code, Name      string
		MeasurementUnit *unit
	}
	for s, err := range client.List[service](ctx, c.reads, setServices, client.Query{Select: "Id,Code,Name", Expand: "MeasurementUnit($select=Code)",
		Filter: "IsActive eq true", OrderBy: "Code", Top: pullPage}) {
		if err != nil {
			return err
		}
		one := item{ID: s.ID, Code: s.Code, Name: client.Text{"EN": s.Name}}
		if s.MeasurementUnit != nil {
			one.Unit = s.MeasurementUnit.Code
		}
		all.Services = append(all.Services, one)
	}
	type product struct {
		ID              string `json:"Id"`
		PartNumber      string
		Name            client.Text
		MeasurementUnit *unit
	}
	for p, err := range client.List[product](ctx, c.reads, setProducts, client.Query{Select: "Id,PartNumber,Name", Expand: "MeasurementUnit($select=Code)",
		Filter: "Active eq true", OrderBy: "PartNumber", Top: pullPage}) {
		if err != nil {
			return err
		}
		one := item{ID: p.ID, Code: p.PartNumber, Name: p.Name}
		if p.MeasurementUnit != nil {
			one.Unit = p.MeasurementUnit.Code
		}
		all.Products = append(all.Products, one)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return c.store.setWatermark(ctx, c.config.DB.Writer(), markCatalogue, watermark{at: began, fullAt: began, syncedAt: began, content: string(text)})
}

func (c *Cloud) serveCatalogue(w http.ResponseWriter, r *http.Request, _ *client.Caller) error {
	mark, err := c.store.watermark(r.Context(), markCatalogue)
	if err != nil {
		return err
	}
	if mark.syncedAt.IsZero() {
		return away(2*time.Second, wire.NoCatalogue)
	}
	var all catalogue
	if err := json.Unmarshal([]byte(mark.content), &all); err != nil {
		return err
	}
	language := languageOf(r)
	named := func(from []item) []wire.Item {
		out := make([]wire.Item, len(from))
		for i, it := range from {
			out[i] = wire.Item{ID: it.ID, Code: it.Code, Name: it.Name.In(language), Unit: it.Unit}
		}
		return out
	}
	return writeTagged(w, r, wire.Catalogue{AsOf: mark.syncedAt.UTC(), Services: named(all.Services), Products: named(all.Products)})
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// visitPath reads a visit as the copy has it.
func visitPath(id string) string {
	return client.Ref(setVisits, id) + "?$select=" + escape(visitQuery.Select) + "&$expand=" + escape(visitQuery.Expand)
}

// afterPath reads what a command can have changed; who the customer is does not change.
func afterPath(id string) string {
	return client.Ref(setVisits, id) + "?$select=" + escape(visitQuery.Select) + "&$expand=" + escape(visitExpand+",Customer($select=Id)")
}

// takeCustomer takes from an earlier look what was not read again.
func (v *visit) takeCustomer(before *visit) (same bool) {
	if v.Customer == nil || before.Customer == nil || v.Customer.ID != before.Customer.ID {
		return v.Customer == nil
	}
	v.Customer = before.Customer
	return true
}
