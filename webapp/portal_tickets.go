package webapp

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/site/words"
)

// Tickets of customers: what is broken, with a photo, and what became of it.

const (
	portalTicketsPath = "/portal/tickets/"
	pathNewTicket     = portalTicketsPath + "new"
	tailPhoto         = "/photo"
	fieldPhoto        = "photo"
)

// Words for what became of a form, by the word in the address. Those of photos besides the
// worker's are of this app.
var (
	ticketSaved = map[string]words.Text{
		"filed": words.T("Thank you: your ticket is with us."),
		"photo": words.T("The photo is with your ticket."),
	}
	photoRefused = map[string]words.Text{
		string(internalapi.PhotoNoPicture):  words.T("The photo was not kept: the file is no JPEG or PNG picture. Send another one below."),
		string(internalapi.PhotoTooLarge):   words.T("The photo was not kept: it is larger than 10 MB, or has more than 50 million pixels. Send a smaller one below."),
		string(internalapi.PhotoUnreadable): words.T("The photo was not kept: it is damaged, or cannot be read. Save it anew as JPEG and send it below."),
		string(internalapi.PhotoTooMany):    words.T("The photo was not kept: the ticket has ten photos already."),
		string(internalapi.PhotoClosed):     words.T("The photo was not kept: the ticket is closed. File a new one if something is wrong still."),
		photoNone:                           words.T("Choose a photo first."),
		photoLater:                          words.T("The photo could not be kept right now. Send it again below, in a moment."),
		photoAgain:                          words.T("You were not signed in any more, so the photo was not sent. Choose it again."),
	}
)

const photoNone, photoLater, photoAgain = "none", "later", "again"

type ticketList struct {
	period
	Search string
	Heads  []columnHead
	Orders []sortChoice
	Rows   []internalapi.PortalDocument
	Pager  pager
}

func (a *App) portalTickets(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	l := v.language()
	order := v.sortedBy("-date", by(l.Say("Number"), "number"), newestFirst(l.Say("Date"), "date"),
		sortable{Text: l.Say("What is broken")}, sortable{Text: l.Say("Company")}, sortable{Text: l.Say("State")})
	days := v.period()
	q := internalapi.PortalQuery{
		Page: internalapi.Page{Skip: v.skip(), Top: portalPage}, Search: v.query("q", internalapi.MaxSearch), Sort: order.Sort, From: days.From, To: days.To,
	}
	got, err := a.worker.Tickets(v.ctx(), token, q)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "portal_tickets", l.Say("Tickets"), ticketList{
		period: days, Search: q.Search, Heads: order.Heads, Rows: got.Documents,
		Orders: order.choices("", l.Say("Newest first"), "date", l.Say("Oldest first"), "number", l.Say("By number")),
		Pager:  newPager(v.r.URL, q.Skip, len(got.Documents), portalPage, got.Total, got.More),
	})
}

type ticketData struct {
	Document internalapi.PortalDocument
	// Saved is what has just been done, and Fault what was not.
	Saved, Fault words.Text
}

func (a *App) portalTicket(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	d := ticketData{Saved: ticketSaved[q.Get("saved")], Fault: photoRefused[q.Get("photo")]}
	if d.Document, err = a.worker.Ticket(v.ctx(), token, id); err != nil {
		return err
	}
	return v.show(http.StatusOK, "portal_ticket", v.language().Say("Ticket %s", d.Document.Number), d)
}

// ticketForm is what was chosen and typed.
type ticketForm struct {
	Object, Symptom string
	// Token is the form's own where it was sent before and not taken: the same form makes
	// one ticket. Fault is why; Kept says that its person has signed in again meanwhile.
	Token, Fault string
	Kept         bool
	Objects      []internalapi.TicketObject
	// Companies says that the objects are several customers'.
	Companies  bool
	MaxSymptom int
}

func (a *App) newTicket(v *visit) error { return a.ticketFormPage(v, http.StatusOK, ticketForm{}) }

func (a *App) ticketFormPage(v *visit, status int, d ticketForm) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	d.Objects, err = a.worker.TicketObjects(v.ctx(), token)
	if err != nil && d.Fault == "" {
		return err // else what was typed is more worth than the list
	}
	for _, o := range d.Objects {
		d.Companies = d.Companies || o.CustomerID != d.Objects[0].CustomerID
	}
	d.MaxSymptom = internalapi.MaxSymptom
	return v.show(status, "portal_ticket_form", v.language().Say("New ticket"), d)
}

// fileTicket makes a ticket of what was typed, and then gives it the photo. What is refused
// is told beside the form; a photo that is refused leaves the ticket as it is.
func (a *App) fileTicket(v *visit, u *upload) error {
	form := v.r.PostForm
	d := ticketForm{Object: form.Get("object"), Symptom: form.Get("symptom"), Token: form.Get(client.FormField)}
	nonce := rand.Text() // of a script, whose forms are acted on each time
	if d.Token != "" {
		read, err := a.readFormToken(v, d.Token)
		if err != nil {
			return err
		}
		nonce = read.ID
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	// A second click must not break off what the first began.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx()), pageWithin)
	defer cancel()
	made, err := a.worker.FileTicket(ctx, token, internalapi.NewTicket{Nonce: nonce, Object: d.Object, Symptom: d.Symptom})
	if err != nil {
		message, status, again := a.formFault(v, err)
		if !again {
			return err
		}
		if d.Fault = message; message == internalapi.NotYourObject {
			d.Fault = v.language().Say("This object is none of yours, or not any more: choose another one.")
		}
		return a.ticketFormPage(v, status, d)
	}
	to := portalTicketsPath + made.ID + "?saved=filed"
	if u.file != nil {
		if no := a.sendPhoto(v, u, made.ID); no != "" {
			to += "&photo=" + no
		}
	}
	return v.redirect(to)
}

// addPhoto gives a ticket that is there another photo.
func (a *App) addPhoto(v *visit, u *upload) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	if _, err := v.evidence(); err != nil {
		return err
	}
	no := photoNone
	if u.file != nil {
		no = a.sendPhoto(v, u, id)
	}
	if no != "" {
		return v.redirect(portalTicketsPath + id + "?photo=" + no)
	}
	return v.redirect(portalTicketsPath + id + "?saved=photo")
}

// sendPhoto hands the photo on to the worker, and says why it was not kept; empty where it
// was.
func (a *App) sendPhoto(v *visit, u *upload, ticket string) (refused string) {
	if !u.room {
		return photoLater
	}
	token, err := v.evidence()
	if err != nil {
		return photoLater
	}
	ctx, cancel := context.WithTimeout(v.ctx(), fileWithin)
	defer cancel()
	answer, err := a.worker.AddPhoto(ctx, token, ticket, u.file)
	switch {
	case u.body.exceeded.Load():
		return string(internalapi.PhotoTooLarge)
	case err != nil:
		a.logged(v, err)
		return photoLater
	}
	return string(answer.Refused)
}

// ticketFile hands a file of a ticket through, as it comes.
func (a *App) ticketFile(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	file := v.r.PathValue("file")
	if !guid.MatchString(file) {
		return notFound(words.T("There is no such file.").English)
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.ctx(), fileWithin)
	defer cancel()
	d, err := a.worker.TicketFile(ctx, token, id, strings.ToLower(file))
	if err != nil {
		return err
	}
	defer d.Body.Close()
	return a.sendFile(v, content{d.Name, d.MediaType, d.Size, d.Body})
}

// ticketState is a state in words: the office's own, or what it means to a customer.
func (who reader) ticketState(state string, status map[string]string, void bool) string {
	l := who.words()
	switch {
	case void:
		return l.Say("Withdrawn")
	case len(status) > 0:
		return client.Text(status).In(l.Tag())
	case state == "FirmPlanned":
		return l.Say("Accepted")
	case state == "Released":
		return l.Say("In work")
	case state == "Completed", state == "Closed":
		return l.Say("Done")
	}
	return l.Say("Received")
}
