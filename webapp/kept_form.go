package webapp

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/site/words"
)

// keptData is a form that has no page of its own to go back to.
type keptData struct {
	Action string
	Words  words.Text
	Fields url.Values
}

// keptForm shows a form that its person sent when they were not signed in any
// more: in its own page where it has one, else as a question.
func (a *App) keptForm(w http.ResponseWriter, r *http.Request, form *client.KeptForm) {
	a.page(func(v *visit) error {
		u, err := url.Parse(form.Action)
		if err != nil {
			return notFound(words.T("There is no page at this address.").English)
		}
		form.Fields.Del(client.FormField) // the page gives it a new one
		switch {
		case u.Path == pathNewTicket && v.who.External():
			return a.ticketFormPage(v, http.StatusOK, ticketForm{Object: form.Fields.Get("object"), Symptom: form.Fields.Get("symptom"), Kept: true})
		case strings.HasPrefix(u.Path, portalTicketsPath) && v.who.External(): // a photo, which is not kept
			return v.redirect(strings.TrimSuffix(u.Path, tailPhoto) + "?photo=" + photoAgain)
		case v.who.External():
			return a.askAgain(v, form, u.Path)
		}
		path, edit := strings.CutSuffix(u.Path, "/edit")
		id, order := strings.CutPrefix(path, "/orders/")
		switch {
		case u.Path == "/orders/new":
			f := formFrom(form.Fields, readerOf(v.r))
			f.Action, f.Kept = u.Path, true
			return v.show(http.StatusOK, "order_form", "New order", f)
		case edit && order && guid.MatchString(id):
			return a.keptEdit(v, id, formFrom(form.Fields, readerOf(v.r)))
		case u.Path == "/export":
			d := exportOf(form.Fields)
			d.Kept = true
			return v.show(http.StatusOK, "export", "Export", d)
		}
		return a.askAgain(v, form, u.Path)
	}).ServeHTTP(w, r)
}

func (a *App) keptEdit(v *visit, id string, f *orderForm) error {
	f.ID, f.Action, f.Kept = id, "/orders/"+id+"/edit", true
	o, err := v.orderByID(id)
	if err != nil {
		return err
	}
	f.Number, f.CustomerText = o.Number, o.Customer
	return v.show(http.StatusOK, "order_form", "Edit order "+f.Number, f)
}

// askAgain shows what was asked for, and a button that asks for it again.
func (a *App) askAgain(v *visit, form *client.KeptForm, path string) error {
	return v.showPage(http.StatusOK, "kept", page{Title: v.language().Say("Do it now?"), Narrow: true, D: keptData{form.Action, actionWords(path), form.Fields}})
}

// actionWords says what a form without fields to fill does.
func actionWords(path string) words.Text {
	switch {
	case path == "/stock/sync":
		return english("Sync the stock now")
	case strings.HasPrefix(path, "/jobs/") && strings.HasSuffix(path, "/cancel"):
		return english("Cancel the job")
	case strings.HasPrefix(path, "/orders/") && strings.HasSuffix(path, "/state"):
		return english("Change the state of the order")
	case strings.HasPrefix(path, portalShipmentsPath) && strings.HasSuffix(path, "/received"):
		return words.T("Confirm that the shipment arrived")
	case strings.HasPrefix(path, portalShipmentsPath):
		return words.T("Send the shipment to the other address")
	case path == pathNotifications:
		return english("Mark the notifications as read")
	case strings.HasPrefix(path, "/schedules/"):
		return english("Change or run the schedule")
	}
	return words.T("Send the form")
}
