package bench

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// catalogue copies one product under other names, $1 times, numbered from $2 on.
var catalogue = map[sqldb.Engine]string{
	sqldb.SQLite: `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1),
		r (id, i) AS MATERIALIZED (SELECT lower(hex(randomblob(16))), i + $2 FROM n)`,
	sqldb.PostgreSQL: `WITH r (id, i) AS (SELECT replace(gen_random_uuid()::text, '-', ''), i + $2 FROM generate_series(1, $1::int) i)`,
}

const insertProducts = ` INSERT INTO erp_products (id, object_version, aggregate_last_update_time_utc, part_number, part_number_text, name, name_text,
	active, is_serialized, show_in_catalog, standard_price_per_lot, standard_cost_per_lot, standard_lot_size_base,
	product_group, product_type, base_measurement_category, measurement_unit)
	SELECT substr(r.id, 1, 8) || '-' || substr(r.id, 9, 4) || '-' || substr(r.id, 13, 4) || '-' || substr(r.id, 17, 4) || '-' || substr(r.id, 21), 1, i,
	'made ' || i, 'made ' || i, '{"EN":"bracket ' || substr(r.id, 1, 12) || ' ' || i || '"}', 'bracket ' || substr(r.id, 1, 12) || ' ' || i,
	p.active, p.is_serialized, p.show_in_catalog, 0, 0, p.standard_lot_size_base, p.product_group, p.product_type, p.base_measurement_category, p.measurement_unit
	FROM r, (SELECT * FROM erp_products ORDER BY id LIMIT 1) AS p`

// BenchmarkTokensDuringSearch gets service tokens one after another, alone and while
// one session searches in four loops (16 on PostgreSQL) for what no product has: by
// letters that the index has, and by two that it has not. It tells percentiles of
// tokens and, beside them, of reads of another session, and how often the session
// was told to wait.
func BenchmarkTokensDuringSearch(b *testing.B) {
	for engine, loops := range map[sqldb.Engine]int{sqldb.SQLite: 4, sqldb.PostgreSQL: 16} {
		b.Run(string(engine), func(b *testing.B) {
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine, Demo: true})
			for made, all := 0, scaled(1_000_000, 2_000); made < all; made += 20_000 { // in parts, as one statement is bounded
				_, err := in.Platform.ERP.Writer().ExecContext(b.Context(), catalogue[engine]+insertProducts, min(20_000, all-made), made)
				if err != nil {
					b.Fatal(err)
				}
			}
			reader, searcher := in.SignIn("anna").Access, in.ServiceToken()
			var alone, beside, reads []time.Duration
			for range b.N {
				for range scaled(3000, testkit.Size(200, 20)) {
					alone = append(alone, oneToken(in))
				}
				stop, later := searching(in, searcher, loops), 0
				for range scaled(3000, testkit.Size(200, 20)) {
					beside = append(beside, oneToken(in))
					begun := time.Now()
					switch status, answer := in.API("GET", "General_Products_Products?$top=20", reader, ""); status {
					case http.StatusOK:
						reads = append(reads, time.Since(begun))
					case http.StatusServiceUnavailable:
						later++
					default:
						b.Fatal(status, answer)
					}
				}
				searches, refused := stop()
				b.ReportMetric(float64(later), "reads-told-to-wait")
				b.ReportMetric(float64(searches), "searches")
				b.ReportMetric(float64(refused), "told-to-wait")
			}
			for name, all := range map[string][]time.Duration{"alone": alone, "search": beside, "reads": reads} {
				slices.Sort(all)
				b.ReportMetric(ms(middle(all)), name+"-p50-ms")
				b.ReportMetric(ms(p99(all)), name+"-p99-ms")
			}
			b.ReportMetric(float64(p99(beside))/float64(p99(alone)), "search-p99/alone")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// searching begins the loops; what it returns ends them.
func searching(in *tandemtest.Instance, token string, loops int) (stop func() (searches, refused int)) {
	end := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	searches, refused := 0, 0
	for i := range loops {
		wg.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				path := []string{"$search=nothing-like-it", "$search=%C3%B1%C3%B1"}[i%2]
				status, _ := in.API("GET", "General_Products_Products?$top=20&$count=true&"+path, token, "")
				mu.Lock()
				searches++
				if status == 429 || status == 503 {
					refused++
				}
				mu.Unlock()
			}
		})
	}
	return func() (int, int) {
		close(end)
		wg.Wait()
		return searches, refused
	}
}
