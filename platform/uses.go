package platform

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// keepUses writes back which rights were used, until ctx ends, and then what is left.
func (i *Instance) keepUses(ctx context.Context) {
	tick := time.NewTicker(permission.UsesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := i.WriteUses(last); err != nil {
				i.config.Log.Error("which rights were used is not written down", "error", err)
			}
			return
		case <-tick.C:
			if err := i.WriteUses(ctx); err != nil && ctx.Err() == nil {
				i.config.Log.Warn("which rights were used cannot be written down now", "error", err)
			}
		}
	}
}

// WriteUses does at once what Run does every minute: it writes down which rights
// were used.
func (i *Instance) WriteUses(ctx context.Context) error {
	uses, over := i.access.Uses.Take(i.config.Clock.Now())
	if over > 0 {
		i.config.Log.Warn("more accounts are at work than are counted: their uses of rights are missing", "calls", over, "accounts", permission.MaxMeters)
	}
	err := i.permissions.AddUses(ctx, uses)
	if err != nil {
		i.access.Uses.PutBack(uses)
	}
	return err
}

func (i *Instance) purgeUses(ctx context.Context) error {
	return i.permissions.PurgeUses(ctx, i.config.Clock.Now().Add(-permission.UsesKept))
}

// personType is the kind of an account.
func (i *Instance) personType(ctx context.Context, id string) tandem.UserType {
	u, err := i.Registry.User(ctx, id)
	if err != nil {
		return ""
	}
	return u.Type
}

// EachUse yields the uses of rights since a time that are written down, of one account
// or, when userID is empty, of all: see [permission.Uses].
func (a *Administration) EachUse(ctx context.Context, userID string, since time.Time, each func(*permission.Use) error) error {
	return a.permissions.EachUse(ctx, userID, since, each)
}

// AddUses adds to the uses of rights that are written down.
func (a *Administration) AddUses(ctx context.Context, uses []permission.Use) error {
	return a.permissions.AddUses(ctx, uses)
}
