package platform

import (
	"cmp"
	"context"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp/write"
)

// erpStore is the store of the ERP's rows.
func (a *Administration) erpStore(model *write.Model) *data.ERP {
	store := data.NewERP(a.ERP, model)
	store.Clock = a.config.Clock
	return store
}

// followEvery is how often the ERP's copy of the accounts is brought up to date.
const followEvery = time.Second

// followTimeout bounds one time of it: a long Import comes first.
const followTimeout = time.Minute

// followUsers keeps the ERP's copy of the accounts up to date until ctx ends. It
// may wait for the ERP's writer, so nothing waits for it.
func (i *Instance) followUsers(ctx context.Context) {
	i.followOnce(ctx) // before what may take minutes in the first start of a new version
	if err := i.rows.Refold(ctx); err != nil && ctx.Err() == nil {
		i.config.Log.Warn("rows of a former version are not searched as they should be until the next start", "error", err)
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		i.followOnce(ctx)
		if n%keysEvery == 0 {
			i.followKeys(ctx)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// indexEvery is how often what was written is taken into the index for searching.
const indexEvery = time.Second

// indexSearch makes the index for searching, and keeps what waits for it small,
// until ctx ends. Searches are right all the time.
func (i *Instance) indexSearch(ctx context.Context) {
	made, told := false, false
	for ctx.Err() == nil {
		pause := indexEvery
		if err := i.indexOnce(ctx, &made); err != nil && ctx.Err() == nil {
			pause = followTimeout
			if !told {
				told = true
				i.config.Log.Warn("the index for searching", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (i *Instance) indexOnce(ctx context.Context, made *bool) (err error) {
	if !*made {
		*made, err = i.rows.IndexSearch(ctx)
	}
	_, waits := i.rows.IndexWaiting(ctx) // also where one of the indexes cannot be made
	return cmp.Or(err, waits)
}

// keysEvery is how often the keys are looked at, in times of the accounts. Whoever
// gives a row a key by command does not wait for it.
const keysEvery = 2

func (i *Instance) followKeys(ctx context.Context) {
	once, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	if err := i.rows.FollowKeys(once, i.permissions); err != nil && ctx.Err() == nil {
		i.config.Log.Warn("the ERP does not follow the keys of rows", "error", err)
	}
}

func (i *Instance) followOnce(ctx context.Context) {
	once, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	if err := i.rows.FollowUsers(once, i.users); err != nil && ctx.Err() == nil {
		i.config.Log.Warn("the ERP does not follow the accounts", "error", err)
	}
}
