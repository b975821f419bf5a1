package sqldb

import (
	"context"
	"time"
)

// LockStill is [DB.Lock] where who says nothing for so long stands still.
func (db *DB) LockStill(ctx context.Context, name string, still time.Duration, f func(ctx context.Context) error) error {
	return db.lock(ctx, name, still, f)
}
