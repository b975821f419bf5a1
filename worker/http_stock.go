package worker

import (
	"net/http"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/fault"
)

func (w *Worker) serveStock(rw http.ResponseWriter, r *http.Request, who *person) error {
	p, text, err := search(r)
	if err != nil {
		return err
	}
	reach, err := w.stock.ReachOf(client.NarrowedTo(r.Context(), who.IDToken), who.UserID, cannotBeAsked)
	if err != nil {
		return err
	}
	found, err := w.stock.Search(r.Context(), internalapi.StockQuery{Page: p, Search: text, Sort: r.URL.Query().Get("sort")}, reach)
	if err != nil {
		return err
	}
	return ok(rw, found)
}

// cannotBeAsked reports whether an error means that the ERP does not answer now.
func cannotBeAsked(err error) bool { return fault.Of(err, 0).Reason != "" }
