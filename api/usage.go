package api

import (
	"net/http"

	"github.com/hybridapps/tandem/api/odata"
)

// licenceUsage is the function that tells how the licence is used: the figures
// alone, which anybody who may read may know; the sessions behind them are for
// administrators.
const licenceUsage = "GetLicenceUsage"

func (d *Domain) getLicenceUsage(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := d.bounded(r)
	defer cancel()
	slots, inUse, err := d.Usage(ctx)
	if err != nil {
		return err
	}
	a := newAnswer(w, r, http.StatusOK)
	a.str(`{"@odata.context":`)
	a.url(d.root(), "$metadata#", odata.Namespace, ".OpenObject")
	a.str(`,"Slots":`)
	a.int(int64(slots))
	a.str(`,"InUse":`)
	a.int(int64(inUse))
	a.str("}")
	return a.done()
}
