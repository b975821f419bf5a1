package bench

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const (
	ordersSet = "Crm_Sales_SalesOrders"
	typesSet  = "Systems_Documents_DocumentTypes"
)

// accounts are calls of accounts that hold different things: everything, as the
// platform does, so that no guard is in a statement; every key there is, so that
// guards are left out; and some of the keys of orders and of their types.
type accounts struct{ platform, open, two *api.Call }

// callBy is a call of an account with rights.
func callBy(r *permission.Rights) *api.Call {
	return &api.Call{
		Rights:    r,
		Principal: &tandem.Principal{Service: &tandem.ServiceIdentity{SystemUserLogin: tandemtest.SystemUser}, Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate}},
		Session:   &tandem.Session{},
	}
}

// searchIsMade asks whether the index for searching, which an instance makes beside its
// work, has everything.
var searchIsMade = map[sqldb.Engine]string{
	sqldb.SQLite: `SELECT NOT EXISTS (SELECT 1 FROM erp_search_waiting)`,
	sqldb.PostgreSQL: `SELECT EXISTS (SELECT 1 FROM pg_indexes WHERE indexname LIKE '%search%') AND NOT EXISTS (SELECT 1 FROM pg_locks
		WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND objid::bigint = (hashtext('search')::bigint & 4294967295))`,
}

// settled waits until the instance has nothing to do but what it is asked.
func (d *domain) settled(b *testing.B, engine sqldb.Engine) {
	b.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		var made bool
		err := d.Platform.ERP.Reader().QueryRowContext(b.Context(), searchIsMade[engine]).Scan(&made)
		if err == nil && made {
			return
		}
		if time.Since(began) > 20*time.Minute {
			b.Fatal("the index for searching is not made: ", err)
		}
	}
}

func rowKey(set string, n int) string { return permission.ColumnKeyID(set, fmt.Sprint(n)) }

// holding is a call of an account that holds all sets, and of the keys of rows of some
// sets, of which there are so many, the first.
func (d *domain) holding(keys, held map[string]int) *api.Call {
	def := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}}
	grant := func(k permission.Key, rights permission.Right) {
		def.Keys = append(def.Keys, k)
		if rights != 0 {
			def.Grants = append(def.Grants, permission.Grant{Group: "g", Key: k.ID, Rights: rights})
		}
	}
	for _, s := range d.open.Model.Sets {
		grant(permission.Key{ID: permission.SetKeyID(s.Name), Kind: permission.SetKey, EntityName: s.Name}, permission.OfSets)
	}
	for set, all := range keys {
		for n := range all {
			rights := permission.Right(0)
			if n < held[set] {
				rights = permission.OfRows
			}
			grant(permission.Key{ID: rowKey(set, n), Kind: permission.RowKey, EntityName: set}, rights)
		}
	}
	return callBy(permission.NewTable(def).Rights([]string{"g"}))
}

// exec runs a statement on the ERP's database.
func (d *domain) exec(b *testing.B, text string, args ...any) {
	b.Helper()
	for {
		_, err := d.Platform.ERP.Writer().ExecContext(b.Context(), text, args...)
		if err != nil && !sqldb.IsDeadlock(err) { // the instance makes its indexes meanwhile
			b.Fatal(err)
		}
		if err == nil {
			return
		}
	}
}

// newAccounts gives a tenth of the orders, and one of two types, keys of which there
// are so many, and makes accounts that hold some of them.
func newAccounts(b *testing.B, d *domain, keys, held int) accounts {
	b.Helper()
	for n := range min(keys, 200) {
		d.exec(b, `UPDATE erp_sales_orders SET access_key = $1 WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM erp_sales_orders) AS numbered
			WHERE n % 10 = 0 AND (n / 10) % $2 = $3)`, rowKey(ordersSet, n), min(keys, 200), n)
	}
	d.exec(b, `UPDATE erp_document_types SET access_key = $1 WHERE entity_name = $2`, rowKey(typesSet, 0), ordersSet)
	all := map[string]int{ordersSet: keys, typesSet: 2}
	return accounts{platform: someCall, open: d.holding(all, all), two: d.holding(all, map[string]int{ordersSet: held, typesSet: 1})}
}

// as answers a request as an account does, with nobody who looks at a token.
func (d *domain) as(b *testing.B, c *api.Call, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.Context(), "GET", api.DomainPath+path, nil)
	w := httptest.NewRecorder()
	d.open.ServeHTTP(w, r.WithContext(api.WithCall(r.Context(), c)))
	if w.Code != 200 {
		b.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w
}

// turns is [byTurns] of the same request of several accounts.
func turns(b *testing.B, d *domain, n int, path string, calls ...*api.Call) []float64 {
	b.Helper()
	all := make([]turn, len(calls))
	for i, c := range calls {
		all[i] = turn{
			used:  func() time.Duration { return usedWith(b, d.Platform.ERP) },
			ready: func(int) func(int) { return func(int) { d.as(b, c, path) } },
		}
	}
	return byTurns(b, n, all...)
}

// turn is what is done again and again, by turns with others.
type turn struct {
	used func() time.Duration
	// ready makes what n of it need, which is not measured.
	ready func(n int) func(i int)
}

// byTurns does each by turns, blocks of n, and returns the CPU of each in µs a time, the
// database server's too: of all blocks the lowest tenth, as whatever else the machine does
// only adds to it.
func byTurns(b *testing.B, n int, turns ...turn) []float64 {
	b.Helper()
	n = testkit.Size(n, 1)
	all := make([][]float64, len(turns))
	for _, t := range turns {
		t.ready(1)(0) // warm
	}
	for round := range testkit.Size(40, 2) {
		for at := range turns {
			i := (at + round) % len(turns)
			do := turns[i].ready(n)
			before := turns[i].used()
			for j := range n {
				do(j)
			}
			all[i] = append(all[i], float64((turns[i].used()-before).Nanoseconds())/1000/float64(n))
		}
	}
	least := make([]float64, len(turns))
	for i := range all {
		slices.Sort(all[i])
		least[i] = all[i][len(all[i])/10]
	}
	return least
}

// usedWith is the CPU time of this process, and of the server's that answers it.
func usedWith(b *testing.B, db *sqldb.DB) time.Duration {
	b.Helper()
	sum := used(b)
	if db.Engine != sqldb.PostgreSQL {
		return sum
	}
	pids, err := sqldb.List[int](db.Reader().QueryContext(b.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user`))
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		var ns int64
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err == nil {
			_, err = fmt.Sscan(string(text), &ns)
		}
		if err != nil {
			b.Fatal("the CPU of a server elsewhere cannot be told: ", err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// BenchmarkGuards tells what it costs that an account does not see everything: an
// order by its id, and the first page of orders with their customers, to the same
// without guards. With 200 keys, of which a hundred are held, and with 50,000 and 500.
func BenchmarkGuards(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			const page = ordersSet + "?$top=50&$orderby=DocumentDate%20desc&$expand=Customer"
			d := newDomain(b, engine)
			few := newAccounts(b, d, 50, 5)
			many := newAccounts(b, d, testkit.Size(50_000, 500), 500)
			some := newAccounts(b, d, 200, 100)
			var first struct{ Value []struct{ Id string } }
			if err := json.Unmarshal(d.as(b, some.two, ordersSet+"?$top=1&$select=Id").Body.Bytes(), &first); err != nil || len(first.Value) != 1 {
				b.Fatal(err, first)
			}
			row := ordersSet + "(" + first.Value[0].Id + ")"
			d.settled(b, engine)
			for b.Loop() {
				byID := turns(b, d, 100, row, some.platform, some.open, some.two)
				b.ReportMetric(byID[1]-byID[0], "id-open-µs")
				b.ReportMetric(byID[2]-byID[0], "id-two-µs")
				pages := turns(b, d, 8, page, some.platform, some.open, some.two)
				b.ReportMetric(pages[1]/pages[0], "page-open")
				b.ReportMetric(pages[2]/pages[0], "page-two")
				counts := turns(b, d, 8, ordersSet+"/$count", some.platform, some.open, some.two)
				b.ReportMetric(counts[1]/counts[0], "count-open")
				b.ReportMetric(counts[2]-counts[0], "count-two-µs")
				keys := turns(b, d, 8, page, few.two, many.two)
				b.ReportMetric(keys[1]/keys[0], "page-500/5-keys")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// copyOrders makes n orders of one, the i-th with values of columns: expressions of i.
func copyOrders(b *testing.B, d *domain, engine sqldb.Engine, n int, values map[string]string) {
	b.Helper()
	columns := `SELECT name FROM pragma_table_info('erp_sales_orders')`
	if engine == sqldb.PostgreSQL {
		columns = `SELECT column_name FROM information_schema.columns WHERE table_name = 'erp_sales_orders' AND table_schema = current_schema()`
	}
	names, err := sqldb.List[string](d.Platform.ERP.Reader().QueryContext(b.Context(), columns))
	if err != nil {
		b.Fatal(err)
	}
	id := `substr(r.id, 1, 8) || '-' || substr(r.id, 9, 4) || '-' || substr(r.id, 13, 4) || '-' || substr(r.id, 17, 4) || '-' || substr(r.id, 21)`
	for name, v := range map[string]string{"id": id, "master_document": id, "external_id": "NULL", "document_no": "r.id", "document_no_text": "r.id",
		"document_no_case": "NULL", "document_date": "o.document_date + i % 1000 * 86400000000"} {
		values[name] = v
	}
	from := make([]string, len(names))
	for i, name := range names {
		if from[i] = values[name]; from[i] == "" {
			from[i] = "o." + name
		}
	}
	const atOnce = 50_000
	for made := 0; made < n; made += atOnce {
		d.exec(b, catalogue[engine]+` INSERT INTO erp_sales_orders (`+strings.Join(names, ", ")+`) SELECT `+strings.Join(from, ", ")+
			` FROM r, (SELECT * FROM erp_sales_orders ORDER BY document_date, id LIMIT 1) AS o`, min(atOnce, n-made), made)
	}
	if engine == sqldb.PostgreSQL {
		d.exec(b, "VACUUM ANALYZE erp_sales_orders")
	}
}

// BenchmarkFewDocuments reads the first page, and counts, as an account that sees a
// thousandth of a million orders: by their own keys, and by the key of their type.
func BenchmarkFewDocuments(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			d := newDomain(b, engine)
			d.exec(b, `UPDATE erp_sales_orders SET access_key = $1`, rowKey(ordersSet, 1))
			d.exec(b, `UPDATE erp_document_types SET access_key = $1 WHERE entity_name = $2`, rowKey(typesSet, 1), ordersSet)
			d.exec(b, `UPDATE erp_document_types SET access_key = $1 WHERE entity_name <> $2`, rowKey(typesSet, 0), ordersSet)
			copyOrders(b, d, engine, scaled(1_000_000, 5_000), map[string]string{
				"access_key": fmt.Sprintf("CASE i %% 1000 WHEN 0 THEN '%s' ELSE '%s' END", rowKey(ordersSet, 0), rowKey(ordersSet, 1)),
				"document_type": `CASE i % 1000 WHEN 1 THEN (SELECT id FROM erp_document_types WHERE access_key = '` + rowKey(typesSet, 0) + `' ORDER BY id LIMIT 1)
					ELSE o.document_type END`,
			})
			d.settled(b, engine)
			all := map[string]int{ordersSet: 200, typesSet: 2}
			const page = ordersSet + "?$top=50&$orderby=DocumentDate%20desc&$expand=Customer"
			for b.Loop() {
				for by, held := range map[string]map[string]int{"key": {ordersSet: 1, typesSet: 2}, "type": {ordersSet: 200, typesSet: 1}} {
					account := d.holding(all, held)
					for name, path := range map[string]string{"page": page, "unordered": ordersSet + "?$top=50", "count": ordersSet + "/$count"} {
						b.ReportMetric(turns(b, d, 4, path, account)[0]/1000, name+"-by-"+by+"-ms")
					}
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkGuardedImport imports orders of three lines as accounts that hold different
// things do, by turns: lines a second to those of the platform.
func BenchmarkGuardedImport(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			d := newDomain(b, engine)
			some := newAccounts(b, d, 200, 100)
			codes := func(path, member string) []string {
				var all struct{ Value []map[string]any }
				if err := json.Unmarshal(d.as(b, someCall, path).Body.Bytes(), &all); err != nil {
					b.Fatal(err)
				}
				var texts []string
				for _, row := range all.Value {
					texts = append(texts, row[member].(string))
				}
				return texts
			}
			customers, products := codes("Crm_Sales_Customers?$top=20&$select=Number", "Number"), codes("General_Products_Products?$top=50&$select=PartNumber", "PartNumber")
			n := 0
			block := func(c *api.Call) float64 {
				var objects []string
				for range testkit.Size(150, 10) {
					n++
					line := func(i int) string {
						return fmt.Sprintf(`{"LineNo":%d,"Product":{"PartNumber":"%s"},"Quantity":{"Value":%d},"UnitPrice":{"Value":9.5}}`, i*10, products[(n+i*7)%len(products)], i)
					}
					objects = append(objects, fmt.Sprintf(`{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"merge","@erpnet.findBy":{"ExternalId":"b%d"},"ExternalId":"b%[1]d",
						"Customer":{"Number":"%s"},"Lines":[%s,%s,%s]}`, n, customers[n%len(customers)], line(1), line(2), line(3)))
				}
				r := httptest.NewRequestWithContext(b.Context(), "POST", api.DomainPath+"Import", strings.NewReader(`{"objects":[`+strings.Join(objects, ",")+`]}`))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				cpu, clock := used(b), time.Now()
				d.open.ServeHTTP(w, r.WithContext(api.WithCall(r.Context(), c)))
				took := time.Since(clock)
				if engine == sqldb.SQLite {
					took = used(b) - cpu
				}
				if w.Code != 200 || !strings.Contains(w.Body.String(), `"@erpnet.result":"success","objects"`) {
					b.Fatalf("%d %.500s", w.Code, w.Body)
				}
				return took.Seconds()
			}
			var times [3][]float64
			for b.Loop() {
				for i, c := range []*api.Call{some.platform, some.open, some.two} {
					times[i] = append(times[i], block(c))
				}
			}
			b.ReportMetric(float64(3*testkit.Size(150, 10))/median(times[0]), "lines/s")
			b.ReportMetric(median(times[0])/median(times[1]), "rate-open")
			b.ReportMetric(median(times[0])/median(times[2]), "rate-two")
			b.ReportMetric(0, "ns/op")
		})
	}
}
