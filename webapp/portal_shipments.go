package webapp

import (
	"io"
	"mime"
	"net/http"
	"strconv"

	"golang.org/x/text/language"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/site/words"
)

// Shipments of customers, and the files of their invoices.

type shipmentData struct {
	Document internalapi.PortalDocument
	// Receipt and Address are what was typed or chosen; Fault is why it was not taken.
	Receipt        internalapi.Receipt
	Address, Fault string
	// Saved is what has just been done.
	Saved words.Text
}

// shipmentSaved are the words for what has been done, by the word in the address.
var shipmentSaved = map[string]words.Text{
	"received": words.T("Thank you: it is noted that the shipment arrived."), "address": words.T("The shipment goes to the new address."),
}

func (a *App) portalShipments(v *visit) error {
	return a.portalList(v, v.language().Say("Shipments"), portalShipmentsPath, a.worker.Shipments)
}

func (a *App) portalShipment(v *visit) error {
	return a.shipmentPage(v, http.StatusOK, shipmentData{Saved: shipmentSaved[v.r.URL.Query().Get("saved")]})
}

// shipmentPage shows a shipment as it is now, with what was typed.
func (a *App) shipmentPage(v *visit, status int, d shipmentData) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	if d.Document, err = a.worker.Shipment(v.ctx(), token, id); err != nil {
		return err
	}
	return v.show(status, "portal_shipment", v.language().Say("Shipment %s", d.Document.Number), d)
}

// receiveShipment notes who received a shipment.
func (a *App) receiveShipment(v *visit) error {
	d := shipmentData{Receipt: internalapi.Receipt{Name: v.r.PostForm.Get("name"), Note: v.r.PostForm.Get("note")}}
	return a.changeShipment(v, "received", d, func(token, id string) error {
		_, err := a.worker.ConfirmShipment(v.ctx(), token, id, d.Receipt)
		return err
	})
}

// redirectShipment gives a shipment another address.
func (a *App) redirectShipment(v *visit) error {
	d := shipmentData{Address: v.r.PostForm.Get("address")}
	return a.changeShipment(v, "address", d, func(token, id string) error {
		_, err := a.worker.RedirectShipment(v.ctx(), token, id, d.Address)
		return err
	})
}

// changeShipment does what a form asks for. What is refused is told beside the form, with
// the shipment as it is by now.
func (a *App) changeShipment(v *visit, what string, d shipmentData, do func(token, id string) error) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	err = do(token, id)
	if err == nil {
		return v.redirect(portalShipmentsPath + id + "?saved=" + what)
	}
	message, status, again := a.formFault(v, err)
	if !again {
		return err
	}
	d.Fault = message
	return a.shipmentPage(v, status, d)
}

// portalInvoicePDF sends an invoice as a file. All of it is here before any is sent, so
// that a back end that goes away leaves no broken file.
func (a *App) portalInvoicePDF(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	file, err := a.worker.InvoicePDF(v.ctx(), token, id, v.printLanguage())
	if err != nil {
		return err
	}
	defer file.Body.Close()
	content, err := io.ReadAll(io.LimitReader(file.Body, maxPDF))
	if err != nil {
		return internalapi.ErrNoAnswer
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, err = v.w.Write(content)
	return err
}

// maxPDF bounds a printout, in bytes: the ERP makes none that is larger.
const maxPDF = 4 << 20

var printed = language.NewMatcher([]language.Tag{language.English, language.German, language.Bulgarian})

// printLanguage is the language of printouts for the person: their own, or what their
// browser prefers.
func (v *visit) printLanguage() string {
	tag, _ := language.MatchStrings(printed, v.who.Locale, v.r.Header.Get("Accept-Language"))
	base, _ := tag.Base()
	return base.String()
}
