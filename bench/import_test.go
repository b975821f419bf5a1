package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// importedObjects are those of an Import that commits all or nothing, of about 15 MB: the
// API takes 16 MiB.
var importedObjects = testkit.Size(9000, 200)

// BenchmarkTokensDuringImport gets service tokens one after another, alone and
// while an Import of about 15 MB commits all of its objects at once, by turns. It
// tells the 50th and 99th percentile and the longest of each, and for how long
// the Import took.
func BenchmarkTokensDuringImport(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine, Demo: true})
			token := in.ServiceToken()
			group := first(b, in, token, "General_Products_ProductGroups?$top=1&$select=Code")
			var alone, beside []time.Duration
			var took time.Duration
			for n := range b.N {
				done := make(chan string, 1)
				begun := time.Now()
				go func() {
					_, answer := in.API("POST", "Import", token, manyProducts(n, group))
					took += time.Since(begun)
					done <- answer
				}()
				answer := ""
				for answer == "" {
					select {
					case answer = <-done:
					default:
						beside = append(beside, oneToken(in))
					}
				}
				if !strings.Contains(answer, `"@erpnet.result":"success","objects"`) {
					b.Fatalf("the import: %.500s", answer)
				}
				for range testkit.Size(500, 20) {
					alone = append(alone, oneToken(in))
				}
			}
			for name, all := range map[string][]time.Duration{"alone": alone, "import": beside} {
				slices.Sort(all)
				b.ReportMetric(ms(all[len(all)/2]), name+"-p50-ms")
				b.ReportMetric(ms(all[len(all)*99/100]), name+"-p99-ms")
				b.ReportMetric(ms(all[len(all)-1]), name+"-max-ms")
			}
			b.ReportMetric(took.Seconds()/float64(b.N), "import-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func oneToken(in *tandemtest.Instance) time.Duration {
	begun := time.Now()
	in.ServiceToken()
	return time.Since(begun)
}

// first is the code of the first row of a page.
func first(b *testing.B, in *tandemtest.Instance, token, path string) string {
	_, answer := in.API("GET", path, token, "")
	_, after, _ := strings.Cut(answer, `"Code":"`)
	code, _, found := strings.Cut(after, `"`)
	if !found {
		b.Fatalf("%s: %s", path, answer)
	}
	return code
}

// manyProducts is an Import of new products with long descriptions.
func manyProducts(run int, group string) string {
	var body strings.Builder
	body.WriteString(`{"transaction":"all-objects","objects":[`)
	text := strings.Repeat("x", 1567)
	for i := range importedObjects {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"@odata.type":"Erp.General_Products_Product","PartNumber":"I%d-%d","Name":{"EN":"Part %d"},"ProductGroup":{"Code":"%s"},"CatalogDescriptionHtml":"%s"}`,
			run, i, i, group, text)
	}
	body.WriteString(`]}`)
	return body.String()
}
