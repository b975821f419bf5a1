package internalapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Limits of tickets.
const (
	// MaxSymptom is the longest description of what is wrong, in characters.
	MaxSymptom = 254
	// MaxPhoto is the largest photo that is taken, in bytes, and MaxPhotos how many a
	// ticket may have from its customer.
	MaxPhoto, MaxPhotos = 10 << 20, 10
)

// NotYourObject is what the worker says, with [tandem.CodeRule], of an object that the
// person cannot file a ticket for: whether it is somebody else's, was sold meanwhile, or
// never was.
const NotYourObject = "this object is none of yours, or not any more; choose another one"

// PortalTicket is what only tickets have.
type PortalTicket struct {
	// Status is what the office calls the state, by language; empty where it has no word.
	Status map[string]string `json:"status,omitempty"`
	// Settled says that nothing is left to be done in that state.
	Settled bool `json:"settled,omitempty"`
	// StatusID names that in the ERP; for the back end alone.
	StatusID string `json:"-"`
	// Objects are what the ticket is about, with what is wrong with each.
	Objects []TicketObject `json:"objects"`
	// History are the states that the ticket has had, the first first; Files its files. Both
	// only for one ticket.
	History []TicketChange `json:"history,omitempty"`
	Files   []TicketFile   `json:"files,omitempty"`
	// MayAdd says that the person may add a photo.
	MayAdd bool `json:"may_add,omitempty"`
}

// TicketObject is something that is serviced.
type TicketObject struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	Serial string `json:"serial,omitempty"`
	// Symptom is what is wrong with it, in a ticket.
	Symptom string `json:"symptom,omitempty"`
	// CustomerID and CustomerName are whose it is, in the list to choose from.
	CustomerID   string `json:"customer_id,omitempty"`
	CustomerName string `json:"customer_name,omitempty"`
}

// TicketChange is a state that a ticket got.
type TicketChange struct {
	At     time.Time         `json:"at"`
	State  string            `json:"state"`
	Status map[string]string `json:"status,omitempty"`
	Void   bool              `json:"void,omitempty"`
	// StatusID names the status in the ERP; for the back end alone.
	StatusID string `json:"-"`
}

// TicketFile is a file of a ticket that its customer may see.
type TicketFile struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	At        time.Time `json:"at"`
	// Photo says that the customer sent it. Picture is the file that shows it small.
	Photo   bool   `json:"photo,omitempty"`
	Picture string `json:"picture,omitempty"`
}

// TicketObjects are what the person may file a ticket for.
type TicketObjects struct {
	Objects []TicketObject `json:"objects"`
}

// NewTicket says what is broken, and what is wrong with it.
type NewTicket struct {
	// Nonce is the same for a form that is sent more than once: it makes one ticket.
	Nonce   string `json:"nonce"`
	Object  string `json:"object"`
	Symptom string `json:"symptom"`
}

// PhotoRefusal is why a photo was not kept, which leaves the ticket as it is.
type PhotoRefusal string

// Why a photo was not kept.
const (
	PhotoNoPicture  PhotoRefusal = "no-picture" // neither JPEG nor PNG, or something else besides
	PhotoTooLarge   PhotoRefusal = "too-large"
	PhotoUnreadable PhotoRefusal = "unreadable"
	PhotoTooMany    PhotoRefusal = "too-many"
	PhotoClosed     PhotoRefusal = "closed" // the ticket is over
)

// PhotoAnswer says whether a photo was kept.
type PhotoAnswer struct {
	Refused PhotoRefusal `json:"refused,omitempty"`
}

// Tickets lists the tickets of the portal user's own companies.
func (c *Client) Tickets(ctx context.Context, idToken string, q PortalQuery) (PortalPage, error) {
	return call[PortalPage](ctx, c, idToken, http.MethodGet, PathPortalTickets, q.query(), nil)
}

// Ticket is one ticket with its states and files. Another company's is not found.
func (c *Client) Ticket(ctx context.Context, idToken, id string) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodGet, under(PathPortalTicket, id, ""), nil, nil)
}

// TicketObjects lists what the person may file a ticket for.
func (c *Client) TicketObjects(ctx context.Context, idToken string) ([]TicketObject, error) {
	all, err := call[TicketObjects](ctx, c, idToken, http.MethodGet, PathPortalObjects, nil, nil)
	return all.Objects, err
}

// FileTicket makes a ticket. The same one twice, by its nonce and words, is made once: the
// second answer is the first.
func (c *Client) FileTicket(ctx context.Context, idToken string, t NewTicket) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodPost, PathPortalTickets, nil, t)
}

// AddPhoto gives a ticket a photo, which is streamed. The same one twice is kept once.
func (c *Client) AddPhoto(ctx context.Context, idToken, id string, photo io.Reader) (PhotoAnswer, error) {
	var answer PhotoAnswer
	res, err := c.send(ctx, uploadPatience, idToken, http.MethodPost, under(PathPortalTicket, id, TailPhotos), nil, "application/octet-stream", photo)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer)
	return answer, err
}

// TicketFile opens a file of a ticket. The caller closes the body.
func (c *Client) TicketFile(ctx context.Context, idToken, id, file string) (*Download, error) {
	return c.download(ctx, callPatience, idToken, under(PathPortalTicket, id, TailFiles+under("/", file, "")), nil, "file")
}
