package worker_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Tickets of the portal against a real instance: who sees which, who files one for what, and
// what becomes of photos.

const (
	setTickets    = "Applications_Service_ServiceOrders"
	setObjects    = "Applications_Service_ServiceObjects"
	setAgreements = "Applications_Service_ServiceAgreements"
	setVisits     = "Applications_Service_ServiceActivities"
	setFiles      = "Systems_Core_ObjectFiles"
)

// eachEngine runs a test against an instance of each database.
func eachEngine(t *testing.T, test func(t *testing.T, p *portalOf)) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, newPortalOn(t, engine))
		})
	}
}

// ref is a reference as the API writes it.
type ref struct {
	ID string `json:"@odata.id"`
}

func (r *ref) id() string {
	if r == nil {
		return ""
	}
	_, rest, _ := strings.Cut(r.ID, "(")
	return strings.TrimSuffix(rest, ")")
}

type agreementRow struct {
	ID                         string `json:"Id"`
	Void                       bool
	StartDateTime, EndDateTime *time.Time
	Customer                   *ref
	Lines                      []struct {
		LineStartDateTime, LineEndDateTime time.Time
		ServiceObject                      *ref
	}
}

type ticketRow struct {
	ID           string `json:"Id"`
	DocumentDate time.Time
	Void         bool
	Customer     *ref
	Lines        []struct{ ServiceObject *ref }
	// DefaultServiceObject is a visit's.
	DefaultServiceObject *ref
}

// service is what the ERP has of it, for the model.
type service struct {
	*portalOf
	agreements      []agreementRow
	tickets, visits []ticketRow
	files           map[string]map[string]bool // ticket → file → whether customers see it
}

// make creates a row and returns its id.
func (p *portalOf) make(set, body string) string {
	p.t.Helper()
	status, text := p.API("POST", set+"?$select=Id", p.admin, body)
	var made struct {
		ID string `json:"Id"`
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != http.StatusCreated {
		p.t.Fatalf("%s %s: %d %s", set, body, status, text)
	}
	return made.ID
}

func (p *portalOf) do(method, path, body string) {
	p.t.Helper()
	if status, text := p.API(method, path, p.admin, body); status/100 != 2 {
		p.t.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
	}
}

func (p *portalOf) object(name string) string {
	return p.make(setObjects, fmt.Sprintf(`{"Name":%q}`, name))
}

// agreement is one with a line, from a year ago until so many days from now.
func (p *portalOf) agreement(customer, object string, days int) string {
	now := p.Clock.Now().UTC()
	return p.agreed(customer, object, now.AddDate(-1, 0, 0), now.AddDate(0, 0, days))
}

// agreed is one with a line.
func (p *portalOf) agreed(customer, object string, from, until time.Time) string {
	return p.make(setAgreements, fmt.Sprintf(`{"Customer@odata.bind":"Crm_Sales_Customers(%s)","StartDateTime":%q,"EndDateTime":%q,"Lines":[{"ServiceObject@odata.bind":"%s(%s)"}]}`,
		customer, from.Format(time.RFC3339), until.Format(time.RFC3339), setObjects, object))
}

func (p *portalOf) ticket(customer, object, day string) string {
	return p.make(setTickets, fmt.Sprintf(`{"Customer@odata.bind":"Crm_Sales_Customers(%s)","DocumentDate":%q,"Lines":[{"ServiceObject@odata.bind":"%s(%s)","SymptomDescription":"broken"}]}`,
		customer, day, setObjects, object))
}

// readService reads all there is, after adding what makes the rules differ.
func readService(p *portalOf) *service {
	s := &service{portalOf: p, files: map[string]map[string]bool{}}
	day := p.Clock.Now().UTC().AddDate(0, 0, -40).Format(time.RFC3339)
	a, b, c := p.customers[0].ID, p.customers[1].ID, p.customers[2].ID
	p.agreement(a, p.object("ended"), -1)
	midnight := p.Clock.Now().UTC().Truncate(24 * time.Hour)
	p.agreed(a, p.object("on its last day"), midnight.AddDate(-1, 0, 0), midnight)
	p.agreed(a, p.object("on its first day"), midnight.Add(24*time.Hour-time.Second), midnight.AddDate(1, 0, 0))
	p.agreed(a, p.object("from tomorrow"), midnight.AddDate(0, 0, 1), midnight.AddDate(1, 0, 0))
	rented := p.object("rented out to b, on the last day")
	p.ticket(a, rented, day)
	p.agreed(b, rented, midnight.AddDate(-1, 0, 0), midnight)
	p.do("POST", setAgreements+"("+p.agreement(a, p.object("void"), 100)+")/MakeVoid", `{"reason":"x"}`)
	p.do("PATCH", setObjects+"("+p.object("given up")+")", `{"IsActive":false}`)
	p.ticket(b, p.object("of a ticket"), day)
	sold := p.object("sold by a to b")
	p.ticket(a, sold, day)
	p.agreement(b, sold, 100)
	p.do("POST", setTickets+"("+p.ticket(a, p.object("of a void ticket"), day)+")/MakeVoid", `{"reason":"x"}`)
	visits := all[struct{ OwnerParty *ref }](p, setVisits+"?$select=OwnerParty&$top=1")
	p.make(setVisits, fmt.Sprintf(`{"Customer@odata.bind":"Crm_Sales_Customers(%s)","DocumentDate":%q,"Subject":"secret","OwnerParty":{"@odata.id":%q},"DefaultServiceObject@odata.bind":"%s(%s)"}`,
		c, day, visits[0].OwnerParty.ID, setObjects, p.object("of a visit")))

	s.agreements = all[agreementRow](p, setAgreements+"?$select=Id,Void,StartDateTime,EndDateTime,Customer&$expand=Lines($select=LineStartDateTime,LineEndDateTime,ServiceObject)")
	s.tickets = all[ticketRow](p, setTickets+"?$select=Id,DocumentDate,Void,Customer&$expand=Lines($select=ServiceObject)")
	s.visits = all[ticketRow](p, setVisits+"?$select=Id,DocumentDate,Void,Customer,DefaultServiceObject")
	for _, t := range s.tickets {
		s.files[t.ID] = map[string]bool{}
		for _, access := range []string{"External", "Internal", "Creator"} {
			s.files[t.ID][p.attach(t.ID, "list.txt", access, []byte("two ropes"))] = access == "External"
		}
	}
	return s
}

// attach gives a ticket a file, as the office does.
func (p *portalOf) attach(ticket, name, access string, content []byte) string {
	p.t.Helper()
	var object struct {
		ID string `json:"Id"`
	}
	status, text := p.API("POST", setTickets+"("+ticket+")/GetOrCreateExtensibleDataObject", p.admin, "{}")
	if err := json.Unmarshal([]byte(text), &object); err != nil || status/100 != 2 {
		p.t.Fatalf("object of %s: %d %s", ticket, status, text)
	}
	id := p.make(setFiles, fmt.Sprintf(`{"Object@odata.bind":"Systems_Core_ExtensibleDataObjects(%s)","FileName":%q,"AccessPermission":%q}`, object.ID, name, access))
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPut, p.OData+setFiles+"("+id+")/EmbeddedFileContents/$value", bytes.NewReader(content))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.admin)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusNoContent {
		p.t.Fatalf("%s: %v %v", name, res, err)
	}
	res.Body.Close()
	return id
}

// sees reports whether one of the accesses gives a row of a customer on its day.
func sees(grants []grant, customer string, date, today time.Time) bool {
	return slices.ContainsFunc(grants, func(g grant) bool { return g.customer.ID == customer && g.sees("Orders", date, today) })
}

// objects are those that the person may file a ticket for, by the rules in plain words.
func (s *service) objects(grants []grant) []string {
	today := s.Clock.Now().UTC().Truncate(24 * time.Hour)
	ended := func(at time.Time) bool { return at.Truncate(24 * time.Hour).Before(today) } // the last day is one of it
	begun := func(at time.Time) bool { return !at.Truncate(24 * time.Hour).After(today) }
	mine := map[string]bool{}
	foreign := map[string]bool{}
	for _, a := range s.agreements {
		if a.Void || !begun(*a.StartDateTime) || a.EndDateTime != nil && ended(*a.EndDateTime) {
			continue
		}
		for _, l := range a.Lines {
			switch {
			case !begun(l.LineStartDateTime) || ended(l.LineEndDateTime):
			case sees(grants, a.Customer.id(), today, today):
				mine[l.ServiceObject.id()] = true
			default:
				foreign[l.ServiceObject.id()] = true
			}
		}
	}
	earlier := func(t ticketRow, object *ref) {
		if id := object.id(); !t.Void && id != "" && !foreign[id] && sees(grants, t.Customer.id(), t.DocumentDate, today) {
			mine[id] = true
		}
	}
	for _, t := range s.tickets {
		for _, l := range t.Lines {
			earlier(t, l.ServiceObject)
		}
	}
	for _, v := range s.visits {
		earlier(v, v.DefaultServiceObject)
	}
	return slices.Sorted(maps.Keys(mine))
}

// TestA8_TicketsByEachDoor: random people see tickets, their files and objects as the model
// says, and file and send photos for nothing else; what is not theirs is as what never was.
func TestA8_TicketsByEachDoor(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *portalOf) {
		s := readService(p)
		random := rand.New(rand.NewPCG(3, 4))
		seen := 0
		for n := range 7 {
			var grants []grant
			for _, c := range p.customers {
				if random.IntN(2) > 0 {
					grants = append(grants, grant{c, roles[random.IntN(len(roles))], []int{-1, 0, 1, 60}[random.IntN(4)]})
				}
			}
			seen += s.check(p.person(fmt.Sprintf("random%d", n), grants...), grants)
		}
		if seen == 0 {
			t.Error("nobody saw anything")
		}
	})
}

func (s *service) check(who string, grants []grant) (seen int) {
	t := s.t
	today := s.Clock.Now().UTC().Truncate(24 * time.Hour)
	may := slices.ContainsFunc(grants, func(g grant) bool { return g.sees("Orders", today, today) })
	var want, got []string
	for _, r := range s.tickets {
		if sees(grants, r.Customer.id(), r.DocumentDate, today) {
			want = append(want, r.ID)
		}
		s.checkTicket(who, grants, &r, sees(grants, r.Customer.id(), r.DocumentDate, today))
	}
	page, err := s.api.Tickets(t.Context(), who, internalapi.PortalQuery{Page: internalapi.Page{Top: 100}})
	for _, d := range page.Documents {
		got = append(got, d.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if may != (err == nil) || !may && tandem.ErrorCode(err) != tandem.CodeForbidden || !slices.Equal(got, want) {
		t.Errorf("%+v: tickets %v %v, want %v", grants, got, err, want)
	}
	objects, err := s.api.TicketObjects(t.Context(), who)
	var ids []string
	for _, o := range objects {
		ids = append(ids, o.ID)
	}
	slices.Sort(ids)
	theirs := s.objects(grants)
	if may != (err == nil) || may && !slices.Equal(ids, theirs) {
		t.Errorf("%+v: objects %v %v, want %v", grants, ids, err, theirs)
	}
	_, unknown := s.api.FileTicket(t.Context(), who, internalapi.NewTicket{Nonce: strings.Repeat("n", 20), Object: "00000000-0000-4000-8000-000000000001", Symptom: "x"})
	for _, a := range s.agreements {
		for _, l := range a.Lines {
			if id := l.ServiceObject.id(); !slices.Contains(theirs, id) {
				if _, err := s.api.FileTicket(t.Context(), who, internalapi.NewTicket{Nonce: strings.Repeat("n", 20), Object: id, Symptom: "x"}); err == nil || fmt.Sprint(err) != fmt.Sprint(unknown) {
					t.Errorf("%+v: a ticket for somebody else's object: %v, for one that never was: %v", grants, err, unknown)
				}
			}
		}
	}
	return len(want) + len(theirs)
}

func (s *service) checkTicket(who string, grants []grant, r *ticketRow, sees bool) {
	t := s.t
	d, err := s.api.Ticket(t.Context(), who, r.ID)
	code := tandem.CodeNotFound
	if !slices.ContainsFunc(grants, func(g grant) bool { return g.customer.Active }) {
		code = tandem.CodeForbidden // they may act for nobody
	}
	if sees != (err == nil) || err != nil && tandem.ErrorCode(err) != code {
		t.Errorf("%+v: ticket %s: %v", grants, r.ID, err)
	}
	shown := map[string]bool{}
	if sees {
		for _, f := range d.Ticket.Files {
			shown[f.ID] = true
		}
	}
	for id, external := range s.files[r.ID] {
		if shown[id] != (sees && external) {
			t.Errorf("%+v: a file of %s, external %v, is shown: %v", grants, r.ID, external, shown[id])
		}
		for _, other := range s.tickets {
			file, err := s.api.TicketFile(t.Context(), who, other.ID, id)
			if open := sees && external && other.ID == r.ID; open != (err == nil) {
				t.Errorf("%+v: a file of %s, external %v, at %s: %v", grants, r.ID, external, other.ID, err)
			}
			if err == nil {
				file.Body.Close()
			}
		}
	}
	if sees {
		return
	}
	_, missing := s.api.AddPhoto(t.Context(), who, "00000000-0000-4000-8000-000000000001", strings.NewReader("x"))
	if _, err := s.api.AddPhoto(t.Context(), who, r.ID, strings.NewReader("x")); err == nil || fmt.Sprint(err) != fmt.Sprint(missing) || tandem.ErrorCode(err) != code {
		t.Errorf("%+v: a photo for somebody else's ticket: %v, for one that never was: %v", grants, err, missing)
	}
}

// photoOf is a JPEG with where and when it was taken, and something behind it.
func photoOf(t testing.TB, side int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, side, side/2))
	for x := range side {
		for y := range side / 2 {
			m.SetRGBA(x, y, color.RGBA{uint8(x), uint8(y), 120, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00 GPS 42.1354 24.7453"
	head := []byte{0xff, 0xd8, 0xff, 0xe1, 0, 0}
	binary.BigEndian.PutUint16(head[4:], uint16(len(exif)+2))
	return append(append(append(head, exif...), b.Bytes()[2:]...), "<script>alert(1)</script>"...)
}

// TestA2_ATicketWithItsPhoto: UC-A2, filed once however often the form comes, with a photo
// that is drawn again, seen by its customer, and followed until it is done.
func TestA2_ATicketWithItsPhoto(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *portalOf) {
		ctx := t.Context()
		who := p.person("petra", grant{p.customers[0], "Admin", -1}, grant{p.customers[1], "OrdersWithPrices", -1})
		objects, err := p.api.TicketObjects(ctx, who)
		if err != nil || len(objects) != 6 || objects[0].Name == "" || objects[0].CustomerName == "" {
			t.Fatalf("%+v %v", objects, err)
		}
		n := internalapi.NewTicket{Nonce: "a form of the page 0001", Object: objects[2].ID, Symptom: " The rope\nslips <b> "}
		made, err := p.api.FileTicket(ctx, who, n)
		if err != nil || made.Ticket == nil || len(made.Ticket.Objects) != 1 || made.Ticket.Objects[0].Symptom != "The rope slips <b>" || made.CustomerID != objects[2].CustomerID || !made.Ticket.MayAdd {
			t.Fatalf("filed: %+v %v", made, err)
		}
		// F6: the same form again, also at the same time, is the first one; other words are not.
		var at sync.WaitGroup
		for range 6 {
			at.Go(func() {
				again, err := p.api.FileTicket(ctx, who, internalapi.NewTicket{Nonce: "a form of the page 0002", Object: objects[2].ID, Symptom: "twice"})
				if err != nil {
					t.Error(err)
				}
				if d, err := p.api.FileTicket(ctx, who, n); err != nil || d.ID != made.ID || again.ID == made.ID {
					t.Errorf("again: %s %v, want %s", d.ID, err, made.ID)
				}
			})
		}
		at.Wait()
		if rows := all[ticketRow](p, setTickets+"?$select=Id&$filter=ExternalSystem%20eq%20'portal'"); len(rows) != 2 {
			t.Errorf("%d tickets were made of two forms", len(rows))
		}
		for _, bad := range []internalapi.NewTicket{{Nonce: n.Nonce, Object: n.Object}, {Nonce: n.Nonce, Object: n.Object, Symptom: " \n"}, {Nonce: n.Nonce, Object: n.Object, Symptom: strings.Repeat("ä", 255)},
			{Nonce: n.Nonce, Object: n.Object, Symptom: "a\u202eb"}, {Object: n.Object, Symptom: "no nonce"}} {
			if _, err := p.api.FileTicket(ctx, who, bad); tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		p.checkPhotos(who, made.ID)

		// What the office makes of it, petra sees, in the office's words.
		statuses := all[struct {
			ID             string `json:"Id"`
			UserStatusName map[string]string
		}](p, "Systems_Documents_DocumentTypeUserStatuses?$select=Id,UserStatusName&$filter=DocumentType%20eq%20'"+p.typeOf(made.ID)+"'")
		for _, want := range []string{"Reported", "Scheduled", "Done"} {
			i := slices.IndexFunc(statuses, func(s struct {
				ID             string `json:"Id"`
				UserStatusName map[string]string
			}) bool {
				return s.UserStatusName["EN"] == want
			})
			p.do("POST", setTickets+"("+made.ID+")/ChangeState", fmt.Sprintf(`{"newState":"FirmPlanned","userStatus":{"@odata.id":"Systems_Documents_DocumentTypeUserStatuses(%s)"}}`, statuses[i].ID))
			d, err := p.api.Ticket(ctx, who, made.ID)
			if err != nil || d.Ticket.Status["EN"] != want || d.Ticket.Status["DE"] == "" || d.Ticket.History[len(d.Ticket.History)-1].Status["EN"] != want || d.Ticket.History[0].State != "New" {
				t.Errorf("%s: %+v %v", want, d.Ticket, err)
			}
			page, err := p.api.Tickets(ctx, who, internalapi.PortalQuery{Page: internalapi.Page{Top: 100}})
			if i := slices.IndexFunc(page.Documents, func(d internalapi.PortalDocument) bool { return d.ID == made.ID }); err != nil || i < 0 || page.Documents[i].Ticket.Status["EN"] != want {
				t.Errorf("%s in the list: %v", want, err)
			}
		}
		p.do("POST", setTickets+"("+made.ID+")/ChangeState", `{"newState":"Completed"}`)
		d, err := p.api.Ticket(ctx, who, made.ID)
		if err != nil || d.State != "Completed" || d.Ticket.MayAdd || len(d.Ticket.Files) == 0 {
			t.Errorf("completed: %+v %v", d, err)
		}
		if answer, err := p.api.AddPhoto(ctx, who, made.ID, bytes.NewReader(photoOf(t, 100))); err != nil || answer.Refused != internalapi.PhotoClosed {
			t.Errorf("a photo of a closed one: %+v %v", answer, err)
		}
	})
}

// typeOf is the document type of a ticket.
func (p *portalOf) typeOf(ticket string) string {
	status, text := p.API("GET", setTickets+"("+ticket+")?$select=DocumentType", p.admin, "")
	var d struct{ DocumentType ref }
	if err := json.Unmarshal([]byte(text), &d); err != nil || status != 200 {
		p.t.Fatalf("%d %s", status, text)
	}
	return d.DocumentType.ID
}

// checkPhotos sends what is a photo and what is none.
func (p *portalOf) checkPhotos(who, ticket string) {
	t, ctx := p.t, p.t.Context()
	var drawing bytes.Buffer
	if err := png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		t.Fatal(err)
	}
	photo := photoOf(t, 600)
	for name, c := range map[string]struct {
		file []byte
		want internalapi.PhotoRefusal
	}{
		"a page":             {[]byte("<!DOCTYPE html><script>alert(1)</script>"), internalapi.PhotoNoPicture},
		"a drawing":          {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), internalapi.PhotoNoPicture},
		"a PDF":              {[]byte("%PDF-1.7"), internalapi.PhotoNoPicture},
		"a GIF":              {[]byte("GIF89a"), internalapi.PhotoNoPicture},
		"nothing":            {nil, internalapi.PhotoNoPicture},
		"a polyglot":         {append([]byte("\xff\xd8\xff\xfe\x00\x20%PDF-1.4 1 0 obj<<>>endobj      "), photo[2:]...), internalapi.PhotoNoPicture},
		"half of one":        {photo[:len(photo)/2], internalapi.PhotoUnreadable},
		"one that is larger": {append(slices.Clone(photo), make([]byte, internalapi.MaxPhoto)...), internalapi.PhotoTooLarge},
	} {
		answer, err := p.api.AddPhoto(ctx, who, ticket, bytes.NewReader(c.file))
		if err != nil || answer.Refused != c.want {
			t.Errorf("%s: %+v %v, want %s", name, answer, err, c.want)
		}
	}
	if d, err := p.api.Ticket(ctx, who, ticket); err != nil || len(d.Ticket.Files) != 0 || !d.Ticket.MayAdd {
		t.Fatalf("with nothing but refused photos: %+v %v", d.Ticket, err)
	}
	var at sync.WaitGroup
	for range 2 { // the same photo at the same time is kept once
		at.Go(func() {
			if answer, err := p.api.AddPhoto(ctx, who, ticket, bytes.NewReader(photo)); err != nil || answer.Refused != "" {
				t.Errorf("a photo: %+v %v", answer, err)
			}
		})
	}
	at.Wait()
	d, err := p.api.Ticket(ctx, who, ticket)
	if err != nil || len(d.Ticket.Files) != 1 || !d.Ticket.Files[0].Photo || d.Ticket.Files[0].Picture == "" || d.Ticket.Files[0].MediaType != "image/jpeg" {
		t.Fatalf("with a photo: %+v %v", d.Ticket, err)
	}
	f := d.Ticket.Files[0]
	for id, side := range map[string]int{f.ID: 600, f.Picture: 320} {
		file, err := p.api.TicketFile(ctx, who, ticket, id)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(file.Body)
		file.Body.Close()
		shown, _, again := image.Decode(bytes.NewReader(content))
		if err != nil || again != nil || shown.Bounds().Dx() != side || bytes.Contains(content, []byte("GPS")) || bytes.Contains(content, []byte("<script>")) ||
			file.MediaType != "image/jpeg" || !strings.HasSuffix(file.Name, ".jpg") || strings.Contains(file.Name, "/") {
			t.Errorf("%+v: %v %v", file, err, again)
		}
	}
	for i := range internalapi.MaxPhotos {
		answer, err := p.api.AddPhoto(ctx, who, ticket, bytes.NewReader(photoOf(t, 200+2*i)))
		if last := i == internalapi.MaxPhotos-1; err != nil || last != (answer.Refused == internalapi.PhotoTooMany) || !last && answer.Refused != "" {
			t.Errorf("photo %d: %+v %v", i+2, answer, err)
		}
	}
	if answer, err := p.api.AddPhoto(ctx, who, ticket, bytes.NewReader(photo)); err != nil || answer.Refused != "" {
		t.Errorf("the first again: %+v %v", answer, err)
	}
	if d, err := p.api.Ticket(ctx, who, ticket); err != nil || len(d.Ticket.Files) != internalapi.MaxPhotos || d.Ticket.MayAdd {
		t.Errorf("with all photos: %d %v", len(d.Ticket.Files), err)
	}
}

// Figure: a page of a ticket costs two calls of the ERP, and the form for a new one three,
// when nothing of the person is remembered. The office's words are asked for once a minute,
// for everybody.
func TestA2_TicketPagesAskTheERPFewTimes(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *portalOf) {
		ctx := t.Context()
		who := p.person("petra", grant{p.customers[0], "Admin", -1}, grant{p.customers[1], "OrdersWithPrices", -1})
		objects, err := p.api.TicketObjects(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		made, err := p.api.FileTicket(ctx, who, internalapi.NewTicket{Nonce: "a form of the page 0001", Object: objects[0].ID, Symptom: "It slips"})
		if err != nil {
			t.Fatal(err)
		}
		cold := func(page string, most int64, read func() error) {
			t.Helper()
			p.Advance(10 * time.Second) // whose customers they are is forgotten by then
			before := p.asked.Load()
			if err := read(); err != nil {
				t.Fatal(err)
			}
			if n := p.asked.Load() - before; n > most {
				t.Errorf("%s: %d calls of the ERP, want at most %d", page, n, most)
			}
		}
		cold("a ticket", 2, func() error { _, err := p.api.Ticket(ctx, who, made.ID); return err })
		cold("a new ticket", 3, func() error { _, err := p.api.TicketObjects(ctx, who); return err })
		cold("the tickets", 2, func() error {
			_, err := p.api.Tickets(ctx, who, internalapi.PortalQuery{Page: internalapi.Page{Top: 25}})
			return err
		})
	})
}
