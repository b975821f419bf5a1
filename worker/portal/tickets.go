package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// Tickets of the customers of the person (service orders of the ERP), and the one thing
// that they may write of them: a new one. As with shipments, what it may be is looked at
// narrowed to the person, and then written as the application.

// Tickets are service orders.
var Tickets = Kind{
	set: setTickets, word: "tickets", role: internalapi.RoleOrders,
	head: "Id,DocumentNo,DocumentDate,State,Void,UserStatus", list: expandCustomer + "," + expandTicketLines,
	one:     ",CreationTime",
	expand:  expandCustomer + "," + expandTicketLines + ",StateChanges($select=NewState,UpdateTime,Void,UserStatus;$orderby=UpdateTime)",
	present: (*erpDocument).presentTicket,
}

const (
	setTickets       = "Applications_Service_ServiceOrders"
	setObjects       = "Applications_Service_ServiceObjects"
	setAgreements    = "Applications_Service_ServiceAgreements"
	setDocumentTypes = "Systems_Documents_DocumentTypes"

	expandObject      = "ServiceObject($select=Id,Name,SerialNumber,IsActive)"
	expandTicketLines = "Lines($select=LineNo,SymptomDescription;$expand=" + expandObject + ";$orderby=LineNo)"

	// externalSystem is what the ERP knows the portal's own ids by.
	externalSystem = "portal"
	// maxNonce bounds what tells forms apart, minNonce is the least that does, in bytes.
	minNonce, maxNonce = 16, 100
	// keepStatuses is how long the words of the office are remembered.
	keepStatuses = time.Minute
)

// erpTicket is what only tickets have.
type erpTicket struct {
	CreationTime time.Time
	UserStatus   *erpReference
	StateChanges []struct {
		NewState   string
		UpdateTime time.Time
		Void       bool
		UserStatus *erpReference
	}
}

// erpReference is a reference that was not expanded.
type erpReference struct {
	ID string `json:"@odata.id"`
}

func (r *erpReference) id() string {
	if r == nil {
		return ""
	}
	return r.ID
}

type erpTicketLine struct {
	SymptomDescription string
	ServiceObject      *erpObject
}

type erpObject struct {
	ID                 string `json:"Id"`
	Name, SerialNumber string
	IsActive           bool
}

func (d *erpDocument) presentTicket(out *internalapi.PortalDocument) {
	t := &internalapi.PortalTicket{StatusID: d.UserStatus.id(), Objects: []internalapi.TicketObject{}, MayAdd: d.open()}
	for _, l := range d.Lines {
		if o := l.ServiceObject; o != nil {
			t.Objects = append(t.Objects, internalapi.TicketObject{Name: o.Name, Serial: o.SerialNumber, Symptom: l.SymptomDescription})
		}
	}
	if !d.CreationTime.IsZero() {
		t.History = append(t.History, internalapi.TicketChange{At: d.CreationTime, State: "New"})
	}
	for _, c := range d.StateChanges {
		t.History = append(t.History, internalapi.TicketChange{At: c.UpdateTime, State: c.NewState, Void: c.Void, StatusID: c.UserStatus.id()})
	}
	out.Ticket, out.Lines, out.Total = t, nil, nil
}

// open reports whether somebody still works on the ticket.
func (d *erpDocument) open() bool { return !d.Void && d.State != "Completed" && d.State != "Closed" }

// Tickets lists them, with the office's words for their states.
func (o *Portal) Tickets(ctx context.Context, p client.IDToken, q internalapi.PortalQuery) (internalapi.PortalPage, error) {
	page, err := o.List(client.NarrowedTo(ctx, p), p, Tickets, q)
	if err != nil {
		return page, err
	}
	for i := range page.Documents {
		if err := o.say(ctx, p, page.Documents[i].Ticket); err != nil {
			return page, err
		}
	}
	return page, nil
}

// Ticket is one, with its states and files.
func (o *Portal) Ticket(ctx context.Context, p client.IDToken, id string) (internalapi.PortalDocument, error) {
	id, err := guid(id)
	if err != nil {
		return internalapi.PortalDocument{}, err
	}
	var found erpFiles
	files := client.ReadOf(setDataObjects, filesOf(id), &found)
	_, out, err := o.read(client.NarrowedTo(ctx, p), p, Tickets, id, Tickets.expand, files)
	if err != nil {
		return out, err
	}
	if files.Err != nil && !notGranted(files.Err) {
		return out, files.Err
	}
	out.Ticket.Files = filesFor(seenOf(found))
	out.Ticket.MayAdd = files.Err == nil && out.Ticket.MayAdd && photos(out.Ticket.Files) < internalapi.MaxPhotos
	return out, o.say(ctx, p, out.Ticket)
}

// statuses are the words that the office has for states of tickets, by their references.
// They are the same for all customers, whom the ERP shows none of its types of documents.
type statuses struct {
	lock  sync.Mutex
	words map[string]officeStatus
	until time.Time
}

// officeStatus is a status of the office; from an exit a ticket goes on to its end.
type officeStatus struct {
	ID             string `json:"@odata.id"`
	UserStatusName client.Text
	IsExitStatus   bool
}

// notGranted reports whether the application may not read something at all. What a ticket is
// shown with besides, it does without then.
func notGranted(err error) bool {
	var api *client.APIError
	return errors.As(err, &api) && api.Status == http.StatusForbidden && !api.LicenceFull()
}

// say puts the states of a ticket into the words of the office.
func (o *Portal) say(ctx context.Context, p client.IDToken, t *internalapi.PortalTicket) error {
	words, err := o.statusWords(client.OnBehalfOf(ctx, p))
	t.Status, t.Settled = words[t.StatusID].UserStatusName, words[t.StatusID].IsExitStatus
	for i := range t.History {
		t.History[i].Status = words[t.History[i].StatusID].UserStatusName
	}
	return err
}

func (o *Portal) statusWords(ctx context.Context) (map[string]officeStatus, error) {
	now := o.Clock.Now()
	o.statuses.lock.Lock()
	defer o.statuses.lock.Unlock()
	if o.statuses.words != nil && now.Before(o.statuses.until) {
		return o.statuses.words, nil
	}
	types, err := client.FirstPage[struct{ UserStatuses []officeStatus }](ctx, o.ERP, setDocumentTypes, client.Query{
		Select: "Id", Filter: "EntityName eq " + client.Quote(setTickets), Expand: "UserStatuses($select=UserStatusName,IsExitStatus)",
	})
	if err != nil && !notGranted(err) {
		return nil, err
	}
	words := map[string]officeStatus{}
	for _, t := range types.Value {
		for _, s := range t.UserStatuses {
			words[s.ID] = s
		}
	}
	o.statuses.words, o.statuses.until = words, now.Add(keepStatuses)
	return words, nil
}

// File makes a ticket for an object of the person's customers. One that was made of the
// same form is the answer again: the form's nonce and its words are the ticket's id in the
// ERP, which has it once.
func (o *Portal) File(ctx context.Context, p client.IDToken, n internalapi.NewTicket) (internalapi.PortalDocument, error) {
	none := internalapi.PortalDocument{}
	symptom, err := oneLine("the description", n.Symptom, internalapi.MaxSymptom)
	switch {
	case err != nil:
		return none, err
	case symptom == "":
		return none, tandem.Errorf(tandem.CodeInvalid, "say what is wrong: the description is empty")
	case len(n.Nonce) < minNonce || len(n.Nonce) > maxNonce:
		return none, tandem.Errorf(tandem.CodeInvalid, "the form has no nonce of %d to %d bytes; open the page again", minNonce, maxNonce)
	}
	object, err := guid(n.Object)
	if err != nil {
		return none, notYours()
	}
	id := ticketID(p, n.Nonce, object, symptom)
	if made, err := o.filed(ctx, p, id); err != nil || made != "" {
		return o.answer(ctx, p, made, err)
	}
	mine, err := o.objects(ctx, p)
	if err != nil {
		return none, err
	}
	own, found := mine[object]
	if !found {
		return none, notYours()
	}
	made, err := o.create(client.OnBehalfOf(ctx, p), p, &own, id, symptom)
	if status(err) == http.StatusConflict { // the same form, at the same time
		if earlier, again := o.filed(ctx, p, id); again != nil || earlier != "" {
			made, err = earlier, again
		}
	}
	return o.answer(ctx, p, made, err)
}

func (o *Portal) answer(ctx context.Context, p client.IDToken, made string, err error) (internalapi.PortalDocument, error) {
	if err != nil {
		return internalapi.PortalDocument{}, refused(err)
	}
	return o.Ticket(ctx, p, made)
}

func notYours() error { return tandem.Errorf(tandem.CodeRule, "%s", internalapi.NotYourObject) }

// ticketID is the same for the same form of the same person with the same words: what was
// changed before it was sent again is another ticket.
func ticketID(p client.IDToken, nonce, object, symptom string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{strings.ToLower(p.UserID), nonce, object, symptom}, "\x00")))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]))
}

// filed is the ticket that was made with the id; empty is none.
func (o *Portal) filed(ctx context.Context, p client.IDToken, id string) (string, error) {
	page, err := client.FirstPage[struct {
		ID string `json:"Id"`
	}](client.NarrowedTo(ctx, p), o.ERP, setTickets, client.Query{
		Select: "Id", Top: 1, Filter: client.And("ExternalId eq "+client.Quote(id), "ExternalSystem eq "+client.Quote(externalSystem)),
	})
	if err != nil || len(page.Value) == 0 {
		return "", err
	}
	return page.Value[0].ID, nil
}

func (o *Portal) create(ctx context.Context, p client.IDToken, own *ownObject, id, symptom string) (string, error) {
	ticket := map[string]any{
		"Customer": reference(client.Ref(setCustomers, own.CustomerID)), "ExternalId": id, "ExternalSystem": externalSystem,
		"DocumentNotes": "Filed in the portal by " + p.Login,
		"Lines":         []any{map[string]any{"ServiceObject": reference(client.Ref(setObjects, own.ID)), "SymptomDescription": symptom}},
	}
	if own.agreement != "" {
		ticket["ServiceAgreement"] = reference(client.Ref(setAgreements, own.agreement))
	}
	made, err := client.Create[struct {
		ID string `json:"Id"`
	}](ctx, o.ERP, setTickets+"?$select=Id", ticket)
	return made.ID, err
}

func reference(id string) map[string]string { return map[string]string{"@odata.id": id} }
