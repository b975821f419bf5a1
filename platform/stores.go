package platform

import (
	"context"
	"crypto/ed25519"
	"errors"
	"runtime"

	"github.com/hybridapps/tandem"
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
	alertKey     ed25519.PrivateKey
	passwords    *signin.Passwords
	audit        *metered
	refusals     *refusals
	applications *data.Applications
	users        *data.Users
	signIns      *data.SignIns
	consents     *data.Consents
	keys         *data.Keys
	families     *data.Refresh
	sessions     *data.Sessions
	permissions  *data.Permissions
	usage        *data.Usage
	proofs       *data.Proofs
	references   *data.References
	pictures     *data.Pictures
	resets       *data.PasswordResets
	outside      *data.OutsideProviders
	clock        tandem.Clock
}

// secondFactors are people's second factors.
func (s *stores) secondFactors() *signin.Factors {
	return &signin.Factors{Store: data.NewFactors(s.db.Identity), Once: data.NewAssertions(s.db.Identity), Box: s.boxes.factors, Clock: s.clock}
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
		consents:     data.NewConsents(db.Identity),
		keys:         data.NewKeys(db.Identity),
		families:     data.NewRefresh(db.Identity),
		sessions:     data.NewSessions(db.Identity),
		permissions:  data.NewPermissions(db.Identity),
		usage:        data.NewUsage(db.Identity),
		proofs:       data.NewProofs(db.Identity),
		references:   data.NewReferences(db.Identity),
		pictures:     data.NewPictures(db.Identity),
		clock:        c.Clock,
		outside:      data.NewOutsideProviders(db.Identity),
		resets:       data.NewPasswordResets(db.Identity),
	}
	s.refusals = &refusals{audit.NewRefusals(s.audit, c.Clock), &s.audit.tallies}
	master, err := instanceKey(ctx, c, s.keys)
	if err == nil {
		s.boxes, err = newBoxes(master)
	}
	if err == nil {
		s.alertKey, err = newAlertKey(master)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}
