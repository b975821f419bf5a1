package stock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

// The stock sync is the incremental pull that the domain API documents: all
// products once, page after page, remembering the latest change seen; after
// that only what changed since then, less an overlap, because a change can
// become visible later than the time it carries. Rows come twice and are
// written by id, so that does no harm. The watermark moves only when a whole
// run has ended well.
const (
	syncOverlap = 5 * time.Minute
	// fullEvery is how often everything is pulled all the same: deleted
	// products are seen by their absence only.
	fullEvery = 24 * time.Hour
	syncPage  = 1000

	setProducts = "General_Products_Products"
	// markName is another than before balances were kept by company, so that the copy is
	// made afresh.
	markName    = "stock by company"
	setBalances = "Logistics_Inventory_CurrentBalances"
)

// productQuery and balanceQuery are what the copy is made of: no cost, and nothing else
// that the people who see the stock might not see.
var (
	productQuery = client.Query{
		Select: "Id,PartNumber,Name,Active,AggregateLastUpdateTimeUtc", Expand: "MeasurementUnit($select=Code)", Top: syncPage,
	}
	balanceQuery = client.Query{Select: "QuantityBase,Product", Expand: "Store($select=Code),EnterpriseCompany($select=Id)", Top: syncPage}
)

type erpProduct struct {
	ID         string `json:"Id"`
	PartNumber string
	Name       client.Text
	Active     bool
	// ChangedAt is AggregateLastUpdateTimeUtc.
	ChangedAt       time.Time `json:"AggregateLastUpdateTimeUtc"`
	MeasurementUnit *struct{ Code string }
}

type erpBalance struct {
	QuantityBase client.Quantity
	Product      *struct {
		ID string `json:"@odata.id"`
	}
	Store             *struct{ Code string }
	EnterpriseCompany *struct {
		ID string `json:"Id"`
	}
}

type watermark struct{ at, fullAt, syncedAt time.Time }

func (s *Stock) watermark(ctx context.Context, name string) (watermark, error) {
	var at, full, synced int64
	err := s.DB.Reader().QueryRowContext(ctx, `SELECT at, full_at, synced_at FROM watermarks WHERE name = $1`, name).Scan(&at, &full, &synced)
	if errors.Is(err, sql.ErrNoRows) {
		return watermark{}, nil
	}
	return watermark{sqldb.Time(at), sqldb.Time(full), sqldb.Time(synced)}, err
}

// pull is one attempt at it.
type pull struct {
	*Stock
	*jobs.Run
}

// Sync is the job that pulls products and stock balances.
func (s *Stock) Sync(ctx context.Context, run *jobs.Run) error {
	r := &pull{s, run}
	began := r.Clock.Now()
	mark, err := r.watermark(ctx, markName)
	if err != nil {
		return err
	}
	full := mark.at.IsZero() || began.Sub(mark.fullAt) >= fullEvery
	q := productQuery
	if !full {
		q.Filter = "AggregateLastUpdateTimeUtc ge " + client.Time(mark.at.Add(-syncOverlap))
	}
	if err := r.Progress(ctx, 1, "asking what changed"); err != nil {
		return err
	}
	total, err := r.ERP.Count(ctx, setProducts, client.Query{Filter: q.Filter})
	if err != nil {
		return err
	}
	step := internalapi.StepResult{Name: "products"}
	latest, err := r.syncProducts(ctx, q, total, &step)
	if err != nil {
		return err
	}
	r.Result.Steps = append(r.Result.Steps, step)
	if err := r.Progress(ctx, 60, "reading stock balances"); err != nil {
		return err
	}
	balances, note, err := r.readBalances(ctx)
	if err != nil {
		return err
	}
	// What was changed while a long run read other pages may have an earlier
	// time than the latest one seen; it must be asked for again.
	if latest.After(began) {
		latest = began
	}
	if latest.Before(mark.at) {
		latest = mark.at
	}
	mark.at, mark.syncedAt = latest, r.Clock.Now()
	if full {
		mark.fullAt = began
	}
	if err := r.finishSync(ctx, mark, full, balances, note); err != nil {
		return err
	}
	p, b := r.Result.Steps[0], r.Result.Steps[1]
	what := "changed products"
	if full {
		what = "products"
	}
	r.Result.Summary = fmt.Sprintf("%d %s read (%d new, %d changed), %d stock balances", p.Rows, what, p.Added, p.Changed, b.Rows)
	return nil
}

// syncProducts reads the pages and writes each in a transaction of its own.
func (r *pull) syncProducts(ctx context.Context, q client.Query, total int64, step *internalapi.StepResult) (latest time.Time, err error) {
	page, err := client.FirstPage[erpProduct](ctx, r.ERP, setProducts, q)
	for {
		if err != nil {
			return latest, err
		}
		if err := r.saveProducts(ctx, page.Value, step); err != nil {
			return latest, err
		}
		for _, p := range page.Value {
			if p.ChangedAt.After(latest) {
				latest = p.ChangedAt
			}
		}
		percent := 60
		if total > step.Rows {
			percent = int(60 * step.Rows / total)
		}
		if err := r.Progress(ctx, percent, fmt.Sprintf("%d of %d products", step.Rows, max(total, step.Rows))); err != nil {
			return latest, err
		}
		if page.NextLink == "" {
			return latest, nil
		}
		page, err = client.NextPage[erpProduct](ctx, r.ERP, page.NextLink)
	}
}

func (r *pull) saveProducts(ctx context.Context, page []erpProduct, step *internalapi.StepResult) error {
	return r.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, p := range page {
			unit := ""
			if p.MeasurementUnit != nil {
				unit = p.MeasurementUnit.Code
			}
			name := p.Name.In("en")
			var had struct {
				part, name, unit string
				active           bool
			}
			err := tx.QueryRowContext(ctx, `SELECT part_number, name, unit, active FROM products WHERE id = $1`, p.ID).
				Scan(&had.part, &had.name, &had.unit, &had.active)
			step.Rows++
			switch {
			case errors.Is(err, sql.ErrNoRows):
				step.Added++
			case err != nil:
				return err
			case had.part == p.PartNumber && had.name == name && had.unit == unit && had.active == p.Active:
				step.Unchanged++
			default:
				step.Changed++
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO products (id, part_number, name, search_text, active, unit, changed_at, seen_run)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
				ON CONFLICT (id) DO UPDATE SET part_number = excluded.part_number, name = excluded.name, search_text = excluded.search_text,
					active = excluded.active, unit = excluded.unit, changed_at = excluded.changed_at, seen_run = excluded.seen_run`,
				p.ID, p.PartNumber, name, fold(p.PartNumber+"\n"+name), p.Active, unit, sqldb.Micros(p.ChangedAt), r.ID())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// fold makes texts comparable whatever their case.
func fold(s string) string { return strings.ToLower(s) }

type balanceKey struct{ product, store, company string }

// readBalances reads the balances, which have no ids: offset paging, and the
// whole of them each time.
func (r *pull) readBalances(ctx context.Context) (map[balanceKey]int64, string, error) {
	sums := map[balanceKey]int64{}
	unreadable := 0
	rows := 0
	for b, err := range client.List[erpBalance](ctx, r.ERP, setBalances, balanceQuery) {
		if err != nil {
			return nil, "", err
		}
		rows++
		thousandths, ok := parseThousandths(string(b.QuantityBase.Value))
		if b.Product == nil || b.Store == nil || b.EnterpriseCompany == nil || !ok {
			unreadable++
			continue
		}
		_, id, _ := strings.Cut(strings.TrimSuffix(b.Product.ID, ")"), "(")
		sums[balanceKey{id, b.Store.Code, b.EnterpriseCompany.ID}] += thousandths
		if rows%syncPage == 0 {
			if err := r.Progress(ctx, min(90, 60+rows/syncPage), fmt.Sprintf("%d stock balances", rows)); err != nil {
				return nil, "", err
			}
		}
	}
	if unreadable > 0 {
		return sums, fmt.Sprintf("%d balances left out: no store, company or product, or too large a number", unreadable), nil
	}
	return sums, "", nil
}

// goneAtOnce is how many rows one transaction deletes that the ERP has no more: others write
// between two.
const goneAtOnce = 500

// inParts runs f until it changes fewer rows than the parts have, each time in a transaction of
// its own. Between two others write for as long as the part took.
func (r *pull) inParts(ctx context.Context, f func(tx *sql.Tx) (n int64, err error)) (all int64, err error) {
	for {
		part, n := time.Now(), int64(0)
		err := r.Write(ctx, func(tx *sql.Tx) (err error) {
			n, err = f(tx)
			return err
		})
		if all += n; err != nil || n < goneAtOnce {
			return all, err
		}
		select {
		case <-time.After(time.Since(part)):
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
}

// dropProducts deletes those that this run has not seen, which has seen all.
func (r *pull) dropProducts(ctx context.Context) (int64, error) {
	behind := ""
	return r.inParts(ctx, func(tx *sql.Tx) (int64, error) {
		ids, err := sqldb.List[string](tx.QueryContext(ctx, `SELECT id FROM products WHERE id > $1 AND seen_run <> $2 ORDER BY id LIMIT $3`,
			behind, r.ID(), goneAtOnce))
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM products WHERE id = $1`, id); err != nil {
				return 0, err
			}
			behind = id
		}
		return int64(len(ids)), nil
	})
}

// dropBalances deletes those that are no more among the balances.
func (r *pull) dropBalances(ctx context.Context, balances map[balanceKey]int64) (int64, error) {
	had, err := balancesIn(ctx, r.DB.Reader())
	if err != nil {
		return 0, err
	}
	var gone []balanceKey
	for key := range had {
		if _, stays := balances[key]; !stays {
			gone = append(gone, key)
		}
	}
	return r.inParts(ctx, func(tx *sql.Tx) (int64, error) {
		part := gone[:min(len(gone), goneAtOnce)]
		for _, key := range part {
			if _, err := tx.ExecContext(ctx, `DELETE FROM company_balances WHERE product_id = $1 AND store = $2 AND company = $3`,
				key.product, key.store, key.company); err != nil {
				return 0, err
			}
		}
		gone = gone[len(part):]
		return int64(len(part)), nil
	})
}

// finishSync deletes what the ERP has no more, in parts, and then writes the balances and moves
// the watermark, all or nothing.
func (r *pull) finishSync(ctx context.Context, mark watermark, full bool, balances map[balanceKey]int64, note string) error {
	step := internalapi.StepResult{Name: "balances", Rows: int64(len(balances)), Note: note}
	var err error
	if step.Removed, err = r.dropBalances(ctx, balances); err != nil {
		return err
	}
	if full {
		if r.Result.Steps[0].Removed, err = r.dropProducts(ctx); err != nil {
			return err
		}
	}
	err = r.Write(ctx, func(tx *sql.Tx) error {
		had, err := balancesIn(ctx, tx)
		if err != nil {
			return err
		}
		for key, q := range balances {
			before, found := had[key]
			switch {
			case !found:
				step.Added++
			case before == q:
				step.Unchanged++
				continue
			default:
				step.Changed++
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO company_balances (product_id, store, company, thousandths) VALUES ($1, $2, $3, $4)
				ON CONFLICT (product_id, store, company) DO UPDATE SET thousandths = excluded.thousandths`, key.product, key.store, key.company, q)
			if err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO watermarks (name, at, full_at, synced_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO UPDATE SET at = excluded.at, full_at = excluded.full_at, synced_at = excluded.synced_at`,
			markName, sqldb.Micros(mark.at), sqldb.Micros(mark.fullAt), sqldb.Micros(mark.syncedAt))
		return err
	})
	r.Result.Steps = append(r.Result.Steps, step)
	return err
}

// asking is where a query goes: the readers, or a transaction.
type asking interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func balancesIn(ctx context.Context, in asking) (map[balanceKey]int64, error) {
	rows, err := in.QueryContext(ctx, `SELECT product_id, store, company, thousandths FROM company_balances`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[balanceKey]int64{}
	for rows.Next() {
		var key balanceKey
		var q int64
		if err := rows.Scan(&key.product, &key.store, &key.company, &q); err != nil {
			return nil, err
		}
		all[key] = q
	}
	return all, rows.Err()
}
