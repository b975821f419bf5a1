package worker

import (
	"net/http"

	"github.com/hybridapps/tandem/internalapi"
)

func (w *Worker) serveStock(rw http.ResponseWriter, r *http.Request, _ *person) error {
	p, text, err := search(r)
	if err != nil {
		return err
	}
	found, err := w.stock.Search(r.Context(), internalapi.StockQuery{Page: p, Search: text, Sort: r.URL.Query().Get("sort")})
	if err != nil {
		return err
	}
	return ok(rw, found)
}
