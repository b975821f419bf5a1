package worker

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

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

// serveInvoicePDF gives an invoice as a file under a name of ours.
func (w *Worker) serveInvoicePDF(rw http.ResponseWriter, r *http.Request, p *person) error {
	number, file, err := w.portal.PDF(client.NarrowedTo(r.Context(), p.IDToken), p.IDToken, portal.Invoices, r.PathValue("id"), r.URL.Query().Get("language"))
	if err != nil {
		return err
	}
	h := rw.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "invoice-" + fileName(number) + ".pdf"}))
	h.Set("Content-Length", strconv.Itoa(len(file)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = rw.Write(file)
	return err
}

// fileName keeps of a number what a file may be called everywhere.
func fileName(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, number)
}

func (w *Worker) serveReceived(rw http.ResponseWriter, r *http.Request, p *person) error {
	var receipt internalapi.Receipt
	if err := readJSON(r, &receipt); err != nil {
		return err
	}
	out, err := w.portal.Confirm(r.Context(), p.IDToken, r.PathValue("id"), receipt)
	if err != nil {
		return err
	}
	return ok(rw, out)
}

func (w *Worker) serveAddress(rw http.ResponseWriter, r *http.Request, p *person) error {
	var to internalapi.NewAddress
	if err := readJSON(r, &to); err != nil {
		return err
	}
	out, err := w.portal.Redirect(r.Context(), p.IDToken, r.PathValue("id"), to.Address)
	if err != nil {
		return err
	}
	return ok(rw, out)
}
