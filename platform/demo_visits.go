package platform

import (
	"context"

	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/write"
)

// Whose visits the demo's technicians see: their own. Those of technicians from outside
// have a key, which the office holds and the back ends, and the technicians do not.

// demoVisitKey is the id of that key, once rows can have it; empty where somebody has
// deleted it.
func (a *Administration) demoVisitKey(ctx context.Context) (string, error) {
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return "", err
	}
	key := keyNamed(&d, setERPVisits, keyPartners)
	if key == nil {
		return "", nil
	}
	return key.ID, a.settle(ctx, key)
}

// demoSubcontracted lets new visits get the key in a demo of before, too, once: what
// somebody has made of the conditions since stays.
func (a *Administration) demoSubcontracted(ctx context.Context) error {
	row := demoRow{demoConditionRow, keyPartners}
	begun, known, err := a.demoBegun(ctx, row)
	if err != nil || known && !begun {
		return err
	}
	return a.demoMake(ctx, row, func() (string, error) {
		key, err := a.demoVisitKey(ctx)
		if err != nil {
			return "", err
		}
		by, err := a.erpActor(ctx, "admin")
		if err != nil {
			return "", err
		}
		m := erpModel()
		return key, a.erpStore(m).Transact(ctx, func(tx write.Tx) error {
			return demo.Subcontract(tx, m, by, a.config.Clock.Now(), key)
		})
	})
}
