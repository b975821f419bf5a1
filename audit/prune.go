package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// Bounds of for how long the record is kept.
const (
	// DefaultKeep is used where nothing is said.
	DefaultKeep = 400 * 24 * time.Hour
	// LeastKeep is the shortest: whoever looks into what happened yesterday finds it.
	LeastKeep = 24 * time.Hour
)

// Deed says before events go which are to go, and how that can be proved: of the id of
// the first event that is to stay, and of the day before which the others are, it makes
// the id of the first that stays indeed, or nothing when all stay, and the facts of the
// event that tells of it.
type Deed func(ctx context.Context, first string, before time.Time) (id, facts string, err error)

// Prune removes the events of the days (UTC) that are older than keep, which is
// the one way in which anything leaves the record. It goes by age alone, oldest
// first, so that what is left has no gap, and is itself on record, before the
// first event goes: from when on and why. It returns how many it removed.
func (l *Log) Prune(ctx context.Context, keep time.Duration, why string, deed Deed) (int64, error) {
	before := l.Clock.Now().UTC().Add(-max(keep, LeastKeep)).Truncate(24 * time.Hour)
	oldest, err := l.List(ctx, Filter{Forward: true, Limit: 1})
	if err != nil || len(oldest) == 0 || !goes(&oldest[0], before) {
		return 0, err
	}
	first, err := l.Store.FirstKept(ctx, before)
	if err != nil {
		return 0, err
	}
	first, facts, err := deed(ctx, first, before)
	if err != nil || first <= oldest[0].ID {
		return 0, err
	}
	err = l.Record(ctx, tandem.AuditEvent{Facts: facts, Kind: tandem.AuditPruned, Actor: "tandem", Detail: fmt.Sprintf(
		"events before %s are removed (%s), the oldest is of %s", before.Format(time.DateOnly), why, oldest[0].At.UTC().Format(time.DateOnly))})
	if err != nil {
		return 0, err
	}
	return l.Store.PruneAudit(ctx, first)
}

// goes reports whether an event is removed: both its time and its ID, which is made
// a moment later, are of before. Otherwise one of a midnight would be told as
// removed, again and again, and stay.
func goes(e *tandem.AuditEvent, before time.Time) bool {
	id, err := uuid.Parse(e.ID)
	made := time.Unix(id.Time().UnixTime())
	return err == nil && e.At.Before(before) && made.Before(before)
}
