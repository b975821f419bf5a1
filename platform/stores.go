package platform

import (
	"context"
	"errors"
	"runtime"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// stores are an opened database, what keeps something in it, and the keys that
// open what is sealed in it: all that an administration and an instance are
// built of. Nothing here runs by itself.
type stores struct {
	db           *sqldb.DB
	boxes        boxes
	passwords    *signin.Passwords
	audit        *metered
	applications *data.Applications
	users        *data.Users
	signIns      *data.SignIns
	keys         *data.Keys
	families     *data.Refresh
	sessions     *data.Sessions
}

// openStores opens the database, migrates it, and reads the key.
func openStores(ctx context.Context, c *StoreConfig) (*stores, error) {
	db, err := data.Open(ctx, c.DB, c.Options)
	if err != nil {
		return nil, err
	}
	s := &stores{
		db:           db,
		passwords:    signin.NewPasswords(c.Passwords, min(4, runtime.GOMAXPROCS(0))),
		audit:        &metered{Log: &audit.Log{Store: data.NewAudit(db), Clock: c.Clock}},
		applications: data.NewApplications(db),
		users:        data.NewUsers(db),
		signIns:      data.NewSignIns(db),
		keys:         data.NewKeys(db),
		families:     data.NewRefresh(db),
		sessions:     data.NewSessions(db),
	}
	master, err := instanceKey(ctx, c, s.keys)
	if err == nil {
		s.boxes, err = newBoxes(master)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}
