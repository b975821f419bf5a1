package api

import (
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/permission"
)

// licenceUsage is the function that tells how the licence is used: the figures
// alone, which any account that is granted anything may know; the sessions behind them
// are for administrators.
const licenceUsage = "GetLicenceUsage"

// LicenceUsage is how the licence is used: how many slots it has, how many are
// held, and how many of those by people and by back ends.
type LicenceUsage struct{ Slots, InUse, Users, Services int }

func (d *Domain) getLicenceUsage(w http.ResponseWriter, r *http.Request) error {
	if !grantedTo(r).Some() {
		return &permission.Denied{Set: licenceUsage, Need: permission.Read, Rule: tandem.RuleSet}
	}
	ctx, cancel := d.bounded(r)
	defer cancel()
	u, err := d.Usage(ctx)
	if err != nil {
		return err
	}
	out := newResponse(w, r, http.StatusOK)
	out.str(`{"@odata.context":`)
	out.url(d.root(), "$metadata#", odata.Namespace, ".OpenObject")
	out.str(`,"Slots":`)
	out.int(int64(u.Slots))
	out.str(`,"InUse":`)
	out.int(int64(u.InUse))
	out.str(`,"Users":`)
	out.int(int64(u.Users))
	out.str(`,"Services":`)
	out.int(int64(u.Services))
	out.str("}")
	return out.done()
}
