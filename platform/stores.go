package platform

import (
	"context"
	"errors"
	"runtime"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
)

// stores are the opened databases, what keeps something in them, and the keys that
// open what is sealed in them: all that an administration and an instance are
// built of. Nothing here runs by itself.
type stores struct {
	db           *data.DB
	boxes        boxes
	passwords    *signin.Passwords
	audit        *metered
	applications *data.Applications
	users        *data.Users
	signIns      *data.SignIns
	keys         *data.Keys
	families     *data.Refresh
	sessions     *data.Sessions
	permissions  *data.Permissions
}

// openStores opens the databases, migrates them, and reads the key.
func openStores(ctx context.Context, c *StoreConfig) (*stores, error) {
	db, err := data.OpenSized(ctx, c.DB, c.Options, c.ERPConns)
	if err != nil {
		return nil, err
	}
	s := &stores{
		db:           db,
		passwords:    signin.NewPasswords(c.Passwords, min(4, runtime.GOMAXPROCS(0))),
		audit:        &metered{Log: &audit.Log{Store: data.NewAudit(db.Identity), Clock: c.Clock}},
		applications: data.NewApplications(db.Identity),
		users:        data.NewUsers(db.Identity),
		signIns:      data.NewSignIns(db.Identity),
		keys:         data.NewKeys(db.Identity),
		families:     data.NewRefresh(db.Identity),
		sessions:     data.NewSessions(db.Identity),
		permissions:  data.NewPermissions(db.Identity),
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
