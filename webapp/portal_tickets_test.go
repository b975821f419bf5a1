package webapp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

const ticketID = "5f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f15"

// tickets lets the worker take tickets, and lose its answers.
type tickets struct {
	filed  []internalapi.NewTicket
	photos int
	lose   bool
}

func (k *tickets) serve(w *fakeWorker, mux *http.ServeMux) {
	mux.HandleFunc("GET "+internalapi.PathPortalObjects, func(rw http.ResponseWriter, r *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.TicketObjects{Objects: []internalapi.TicketObject{{ID: ticketID, Name: "Winch", CustomerID: "1"}}})
	})
	mux.HandleFunc("POST "+internalapi.PathPortalTickets, func(rw http.ResponseWriter, r *http.Request) {
		var n internalapi.NewTicket
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			w.t.Error(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if k.filed = append(k.filed, n); k.lose {
			panic(http.ErrAbortHandler)
		}
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.PortalDocument{ID: ticketID})
	})
	mux.HandleFunc("GET "+internalapi.PathPortalTicket+"{id}", func(rw http.ResponseWriter, r *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.PortalDocument{ID: ticketID, Number: "T1", Ticket: &internalapi.PortalTicket{MayAdd: true}})
	})
	mux.HandleFunc("POST "+internalapi.PathPortalTicket+"{id}"+internalapi.TailPhotos, func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		k.photos++
		w.mu.Unlock()
		internalapi.WriteError(rw, tandem.Errorf(tandem.CodeUnavailable, "the ERP is away"))
	})
}

// TestA2_TicketsWhileTheBackEndIsAway: F7 and F6, a page that says so, with what was typed; a
// form whose answer was lost carries the same nonce when it is sent again; a photo that
// cannot be taken right now leaves the ticket.
func TestA2_TicketsWhileTheBackEndIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, form := s.signIn("paul", "/portal/tickets/new")
	form.wants(t, 200, "What is wrong with it?")
	send := func(from *doc, symptom string, photo []byte) *doc {
		t.Helper()
		return read(t, b.SubmitFile(from.Page, url.Values{"object": {ticketID}, "symptom": {symptom}}, "photo", "x.jpg", photo))
	}
	k := &s.worker.tickets
	s.worker.set(func() { k.lose = true })
	lost := send(form, "Lost <b>", nil).wants(t, 503, "It is not known whether what you sent was done", "Lost <b>", "choose it again")
	s.worker.set(func() { k.lose = false })
	done := send(lost, "Lost <b>", []byte("a photo")).wants(t, 200, "your ticket is with us", "The photo could not be kept right now")
	if done.Request.URL.Path != "/portal/tickets/"+ticketID || k.photos != 1 || len(k.filed) != 2 || k.filed[0] != k.filed[1] || len(k.filed[0].Nonce) < 16 {
		t.Errorf("%s: %+v, %d photos", done.Request.URL, k.filed, k.photos)
	}
	// A script's form has no token, and is another one each time.
	for range 2 {
		s.worker.set(func() { k.filed = k.filed[len(k.filed)-1:] })
		form := strings.Replace(done.Text, `action="/portal/tickets/`+ticketID+`/photo"`, `action="/portal/tickets/new"`, 1)
		form = strings.Replace(strings.Replace(form, `name="tandem_form"`, `name="other"`, 1), `<label for="photo">`, `<input name="object"><input name="symptom"><label>`, 1)
		page := *done.Page
		page.Text = form
		read(t, b.SubmitFile(&page, url.Values{"object": {ticketID}, "symptom": {"script"}}, "photo", "", nil)).wants(t, 200)
		if len(k.filed) != 2 || k.filed[0].Nonce == k.filed[1].Nonce {
			t.Errorf("a script's: %+v", k.filed)
		}
	}
	// What is no such form is refused, and so is one too large, or of somebody else.
	b.post("/portal/tickets/new", url.Values{"object": {ticketID}, "symptom": {"x"}}).wants(t, 400, "Use the form of the page.")
	read(t, b.SubmitFile(form.Page, url.Values{"object": {ticketID}, "symptom": {strings.Repeat("x", 70<<10)}}, "photo", "", nil)).wants(t, 413, "The form is too large.")
	read(t, b.SubmitFile(form.Page, url.Values{"object": {ticketID}, "symptom": {"a\x00b"}}, "photo", "", nil)).wants(t, 400, "no text")
	read(t, b.SubmitFile(form.Page, url.Values{"object": {ticketID}, "symptom": {"x"}, "tandem_form": {"forged"}}, "photo", "", nil)).wants(t, 400, "This form is too old")

	s.worker.server.CloseClientConnections()
	s.worker.server.Close()
	b.open("/portal/tickets").wants(t, 503, "The back end of this portal does not answer")
	b.open("/portal/tickets/new").wants(t, 503, "The back end of this portal does not answer")
	away := send(form, "Typed while it is away", []byte("a photo")).wants(t, 503, "Nothing was done.", "Typed while it is away", "As you chose before")
	if !strings.Contains(away.Text, `value="`+ticketID+`" selected`) {
		t.Error("what was chosen is lost")
	}
}
