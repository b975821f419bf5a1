package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// BenchmarkAcquire is what an API call pays for its session when that is open.
func BenchmarkAcquire(b *testing.B) {
	m := &session.Manager{Store: data.NewSessions(datatest.Open(b, sqldb.SQLite)), Auditor: &testkit.Record{}}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	b.Cleanup(func() { stop(); <-done })
	for name, p := range map[string]*tandem.Principal{"user": user("anna", "sid"), "service": service("svc", "worker-1")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := m.Acquire(b.Context(), p, home); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkOpen is a first call and a sign-out, each a transaction; without a
// free slot, a first call that is refused.
func BenchmarkOpen(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		for _, full := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/full=%v", engine, full), func(b *testing.B) {
				m := &session.Manager{Store: data.NewSessions(datatest.Open(b, engine)), Auditor: &testkit.Record{}, Licence: tandem.Licence{Slots: 1}, Clock: time.Now}
				if full {
					if _, err := m.Acquire(b.Context(), user("boris", "b"), home); err != nil {
						b.Fatal(err)
					}
				}
				p := user("anna", "sid")
				for b.Loop() {
					_, err := m.Acquire(b.Context(), p, home)
					if (tandem.ErrorCode(err) == tandem.CodeLicenceFull) != full {
						b.Fatal(err)
					}
					if !full {
						if err := m.CloseByKey(b.Context(), "sid", tandem.EndSignOut); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
