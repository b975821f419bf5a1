package jobs

import (
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// A worker that stands still while it makes the engine's tables keeps no other from
// starting: its session ends.
func TestWorkerThatStandsStillWhileItStarts(t *testing.T) {
	t.Parallel()
	db := noops(t, sqldb.PostgreSQL, nil).db
	still, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer still.Close()
	if _, err := still.ExecContext(t.Context(), `SELECT pg_advisory_lock(hashtextextended('tandem worker ' || current_schema(), 0))`); err != nil {
		t.Fatal(err)
	}
	other, ran := &aliveSession{db: db, executor: "other", stillFor: 100 * time.Millisecond}, false
	if err := other.alone(t.Context(), func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("ran %t: %v", ran, err)
	}
	if err := still.PingContext(t.Context()); err == nil {
		t.Error("the one that stood still goes on")
	}
}
