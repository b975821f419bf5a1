package bench

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// manyReferences is how many tokens there are beside the one that is measured.
var manyReferences = testkit.Size(10_000, 100)

// BenchmarkReferenceToken is what a reference token adds to a call: finding out whom it
// speaks for and whether they still may act, of a token that was seen before (warm-µs, to be
// 5 at most), and of one that has to be read (cold-µs, to be 100 at most). Medians of blocks, one
// after the other.
func BenchmarkReferenceToken(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine})
			text, id := in.PAT("anna")
			fillReferences(b, in, id)
			live := in.Platform.Registry
			in.Refresh()
			who := func(live *registry.Registry) {
				p, err := live.Reference(b.Context(), text)
				if err == nil {
					err = live.Check(b.Context(), p)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			var warm, cold []float64
			colds := testkit.Size(50, 2)
			for b.Loop() {
				start := time.Now()
				for range perBlock {
					who(live)
				}
				warm = append(warm, float64(time.Since(start).Nanoseconds())/1000/float64(perBlock))
				var took time.Duration
				for range colds {
					fresh := &registry.Registry{Changes: live.Changes, Users: live.Users, References: live.References}
					if err := fresh.Refresh(b.Context()); err != nil {
						b.Fatal(err)
					}
					if _, err := fresh.User(b.Context(), userOf(b, in)); err != nil { // who is known
						b.Fatal(err)
					}
					start := time.Now()
					who(fresh)
					took += time.Since(start)
				}
				cold = append(cold, float64(took.Nanoseconds())/1000/float64(colds))
			}
			b.ReportMetric(median(warm), "warm-µs")
			b.ReportMetric(median(cold), "cold-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func userOf(b *testing.B, in *tandemtest.Instance) string {
	u, err := in.Platform.Accounts.Show(b.Context(), "anna")
	if err != nil {
		b.Fatal(err)
	}
	return u.ID
}

// fillReferences makes many more like the one with the id.
func fillReferences(b *testing.B, in *tandemtest.Instance, id string) {
	b.Helper()
	store := data.NewReferences(in.Platform.DB)
	like, err := store.ReferenceByID(b.Context(), id)
	for range manyReferences {
		if err != nil {
			b.Fatal(err)
		}
		one := like
		one.ID, one.UserID = uuid.Must(uuid.NewV7()).String(), uuid.NewString()
		err = store.AddReference(b.Context(), one, sha256.Sum256([]byte(one.ID)), 2*manyReferences)
	}
}
