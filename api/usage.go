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
	out := newResponse(w, r, http.StatusOK)
	out.str(`{"@odata.context":`)
	out.url(d.root(), "$metadata#", odata.Namespace, ".OpenObject")
	out.str(`,"Slots":`)
	out.int(int64(slots))
	out.str(`,"InUse":`)
	out.int(int64(inUse))
	out.str("}")
	return out.done()
}
