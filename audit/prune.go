package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
)

// Bounds of for how long the record is kept.
const (
	// DefaultKeep is used where nothing is said.
	DefaultKeep = 400 * 24 * time.Hour
	// LeastKeep is the shortest: whoever looks into what happened yesterday finds it.
	LeastKeep = 24 * time.Hour
)

// Prune removes the events of the days (UTC) that are older than keep, which is
// the one way in which anything leaves the record. It goes by age alone, oldest
// first, so that what is left has no gap, and is itself on record, before the
// first event goes: from when on and why. It returns how many it removed.
func (l *Log) Prune(ctx context.Context, keep time.Duration, why string) (int64, error) {
	before := l.Clock.Now().UTC().Add(-max(keep, LeastKeep)).Truncate(24 * time.Hour)
	oldest, err := l.List(ctx, Filter{Forward: true, Limit: 1})
	if err != nil || len(oldest) == 0 || !oldest[0].At.Before(before) {
		return 0, err
	}
	err = l.Record(ctx, tandem.AuditEvent{Kind: tandem.AuditPruned, Actor: "tandem", Detail: fmt.Sprintf(
		"events before %s are removed (%s), the oldest is of %s", before.Format(time.DateOnly), why, oldest[0].At.UTC().Format(time.DateOnly))})
	if err != nil {
		return 0, err
	}
	return l.Store.PruneAudit(ctx, before)
}
