package worker

import (
	"cmp"
	"io"
	"mime"
	"net/http"
	"strconv"

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
		q, err := portalQuery(r)
		if err != nil {
			return err
		}
		out, err := w.portal.List(client.NarrowedTo(r.Context(), p.IDToken), p.IDToken, kind, q)
		if err != nil {
			return err
		}
		return ok(rw, out)
	}
}

// portalQuery reads what a list is narrowed to.
func portalQuery(r *http.Request) (internalapi.PortalQuery, error) {
	at, text, err := search(r)
	given := r.URL.Query()
	return internalapi.PortalQuery{Page: at, Search: text, Sort: given.Get("sort"), From: given.Get("from"), To: given.Get("to")}, err
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
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "invoice-" + portal.PlainName(number) + ".pdf"}))
	h.Set("Content-Length", strconv.Itoa(len(file)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = rw.Write(file)
	return err
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

func (w *Worker) serveTickets(rw http.ResponseWriter, r *http.Request, p *person) error {
	q, err := portalQuery(r)
	if err != nil {
		return err
	}
	out, err := w.portal.Tickets(r.Context(), p.IDToken, q)
	if err != nil {
		return err
	}
	return ok(rw, out)
}

func (w *Worker) serveTicket(rw http.ResponseWriter, r *http.Request, p *person) error {
	out, err := w.portal.Ticket(r.Context(), p.IDToken, r.PathValue("id"))
	if err != nil {
		return err
	}
	return ok(rw, out)
}

func (w *Worker) serveObjects(rw http.ResponseWriter, r *http.Request, p *person) error {
	all, err := w.portal.Objects(r.Context(), p.IDToken)
	if err != nil {
		return err
	}
	return ok(rw, internalapi.TicketObjects{Objects: all})
}

func (w *Worker) serveNewTicket(rw http.ResponseWriter, r *http.Request, p *person) error {
	var n internalapi.NewTicket
	if err := readJSON(r, &n); err != nil {
		return err
	}
	out, err := w.portal.File(r.Context(), p.IDToken, n)
	if err != nil {
		return err
	}
	return ok(rw, out)
}

// servePhoto takes a photo as it comes.
func (w *Worker) servePhoto(rw http.ResponseWriter, r *http.Request, p *person) error {
	giveBack, err := w.takeUpload(rw, p)
	if err != nil {
		return err
	}
	defer giveBack()
	no, err := w.portal.AddPhoto(r.Context(), p.IDToken, r.PathValue("id"), timely{r.Context().Err, http.MaxBytesReader(rw, r.Body, internalapi.MaxPhoto)})
	if err != nil {
		return err
	}
	return ok(rw, internalapi.PhotoAnswer{Refused: no})
}

// serveTicketFile hands a file on as it comes.
func (w *Worker) serveTicketFile(rw http.ResponseWriter, r *http.Request, p *person) error {
	content, err := w.portal.OpenFile(r.Context(), p.IDToken, r.PathValue("id"), r.PathValue("file"))
	if err != nil {
		return err
	}
	defer content.Body.Close()
	h := rw.Header()
	h.Set("Content-Type", cmp.Or(content.MediaType, "application/octet-stream"))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": content.Name}))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if content.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(content.Size, 10))
	}
	if _, err := io.Copy(rw, content.Body); err != nil {
		w.log.Warn("a file of a ticket broke off", "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes the part for the whole
	}
	return nil
}
