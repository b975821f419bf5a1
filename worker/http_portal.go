package worker

import (
	"net/http"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/portal"
)

func (w *Worker) serveCustomers(rw http.ResponseWriter, r *http.Request, p *person) error {
	customers, err := w.portal.Customers(client.NarrowedTo(r.Context(), p.IDToken), p.IDToken)
	if err != nil {
		return err
	}
	return ok(rw, internalapi.PortalCustomers{Customers: customers})
}

func (w *Worker) documents(kind portal.Kind) handlerFunc {
	return func(rw http.ResponseWriter, r *http.Request, p *person) error {
		at, text, err := search(r)
		if err != nil {
			return err
		}
		given := r.URL.Query()
		q := internalapi.PortalQuery{Page: at, Search: text, Sort: given.Get("sort"), From: given.Get("from"), To: given.Get("to")}
		out, err := w.portal.List(client.NarrowedTo(r.Context(), p.IDToken), p.IDToken, kind, q)
		if err != nil {
			return err
		}
		return ok(rw, out)
	}
}

func (w *Worker) document(kind portal.Kind) handlerFunc {
	return func(rw http.ResponseWriter, r *http.Request, p *person) error {
		out, err := w.portal.One(client.NarrowedTo(r.Context(), p.IDToken), p.IDToken, kind, r.PathValue("id"))
		if err != nil {
			return err
		}
		return ok(rw, out)
	}
}
