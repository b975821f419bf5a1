package portal

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// What the person may file a ticket for. An object of the ERP names no customer: theirs are
// the objects of their valid agreements, and those that earlier tickets and visits of theirs
// were about, unless somebody else has an agreement for one now.

const (
	setAgreementLines = "Applications_Service_ServiceAgreementLines"
	setVisits         = "Applications_Service_ServiceActivities"

	// maxAgreements is how many agreements are looked at, maxEarlier how many of the latest
	// tickets, and of the latest visits. atOnce is how many objects are asked for in one call.
	maxAgreements, maxEarlier, atOnce = 500, 200, 50
)

// ownObject is an object of a customer of the person's.
type ownObject struct {
	internalapi.TicketObject
	// agreement is the valid one that has it; empty where it is known from earlier.
	agreement string
}

// span is from which day to which an agreement, or a line of one, is good, both included; no
// end is without end. The ERP keeps such times as they were written, without a zone.
type span struct{ from, to *time.Time }

// has reports whether a day, 2006-01-02, is in the span.
func (s span) has(day string) bool {
	return (s.from == nil || s.from.UTC().Format(time.DateOnly) <= day) && (s.to == nil || day <= s.to.UTC().Format(time.DateOnly))
}

type erpAgreement struct {
	ID                         string `json:"Id"`
	Void                       bool
	StartDateTime, EndDateTime *time.Time
	Customer                   *struct {
		ID string `json:"Id"`
	}
	Lines []erpAgreementLine
}

type erpAgreementLine struct {
	LineStartDateTime, LineEndDateTime *time.Time
	ServiceObject                      *erpObject
	ServiceAgreement                   *erpAgreement
}

func (a *erpAgreement) valid(day string) bool {
	return a != nil && !a.Void && span{a.StartDateTime, a.EndDateTime}.has(day)
}

func (l *erpAgreementLine) valid(day string) bool {
	return span{l.LineStartDateTime, l.LineEndDateTime}.has(day)
}

// Objects are those of the person, by their names.
func (o *Portal) Objects(ctx context.Context, p client.IDToken) ([]internalapi.TicketObject, error) {
	mine, err := o.objects(ctx, p)
	if err != nil {
		return nil, err
	}
	all := make([]internalapi.TicketObject, 0, len(mine))
	for _, own := range mine {
		all = append(all, own.TicketObject)
	}
	slices.SortFunc(all, func(a, b internalapi.TicketObject) int {
		return cmp.Or(strings.Compare(a.CustomerName, b.CustomerName), strings.Compare(a.Name, b.Name), strings.Compare(a.Serial, b.Serial), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// objects are the same by their ids.
func (o *Portal) objects(ctx context.Context, p client.IDToken) (map[string]ownObject, error) {
	narrowed := client.NarrowedTo(ctx, p)
	allowed, err := o.allowed(narrowed, p, Tickets)
	if err != nil {
		return nil, err
	}
	if len(allowed) == 0 {
		return nil, tandem.Errorf(tandem.CodeForbidden, "your access does not include %s; ask your contact at the company", Tickets.word)
	}
	f := &findings{Portal: o, allowed: allowed, today: o.today().Format(time.DateOnly), tomorrow: o.today().AddDate(0, 0, 1).Format(time.DateOnly), mine: map[string]ownObject{}}
	if err := f.find(narrowed); err != nil {
		return nil, err
	}
	return f.mine, f.dropSold(client.OnBehalfOf(ctx, p))
}

// findings are the objects that were found so far.
type findings struct {
	*Portal
	allowed map[string]internalapi.PortalCustomer
	// today and tomorrow are days at the company, 2006-01-02.
	today, tomorrow string

	mine map[string]ownObject
}

// ofAllowed is the condition that a row is of one of the customers.
func (f *findings) ofAllowed() string {
	var refs []string
	for _, id := range slices.Sorted(maps.Keys(f.allowed)) {
		refs = append(refs, client.Quote(client.Ref(setCustomers, id)))
	}
	return oneOf("Customer", refs)
}

// add notes an object, unless it is noted: the first that is found says whose it is.
func (f *findings) add(object *erpObject, customer, agreement string) {
	c, mine := f.allowed[strings.ToLower(customer)]
	if object == nil || !object.IsActive || !mine {
		return
	}
	id, err := guid(object.ID)
	if _, known := f.mine[id]; err != nil || known {
		return
	}
	f.mine[id] = ownObject{agreement: agreement, TicketObject: internalapi.TicketObject{
		ID: id, Name: object.Name, Serial: object.SerialNumber, CustomerID: c.ID, CustomerName: c.Name,
	}}
}

// find looks at agreements, tickets and visits, in one call.
func (f *findings) find(ctx context.Context) error {
	var agreements client.Page[erpAgreement]
	var tickets client.Page[erpDocument]
	var visits client.Page[erpVisit]
	parts := []*client.BatchPart{
		client.ReadOf(setAgreements, client.Query{
			Select: "Id,Void,StartDateTime,EndDateTime", Top: maxAgreements,
			Filter: client.And(f.ofAllowed(), "Void eq false", "StartDateTime le "+f.tomorrow),
			Expand: expandCustomer + ",Lines($select=LineStartDateTime,LineEndDateTime;$expand=" + expandObject + ")",
		}, &agreements),
		client.ReadOf(setTickets, client.Query{
			Select: Tickets.head, Filter: client.And(f.ofAllowed(), "Void eq false"), Expand: Tickets.list,
			OrderBy: "DocumentDate desc,DocumentNo desc", Top: maxEarlier,
		}, &tickets),
		client.ReadOf(setVisits, client.Query{
			Select: "Id,DocumentDate", Filter: client.And(f.ofAllowed(), "Void eq false"), OrderBy: "DocumentDate desc", Top: maxEarlier,
			Expand: expandCustomer + "," + strings.Replace(expandObject, "ServiceObject", "DefaultServiceObject", 1),
		}, &visits),
	}
	err := f.readAll(ctx, parts...)
	for i, p := range parts {
		if err == nil && !(i == len(parts)-1 && notGranted(p.Err)) { // an application that may not read visits does without
			err = p.Err
		}
	}
	if err != nil {
		return err
	}
	f.agreed(agreements.Value)
	for i := range tickets.Value {
		d := &tickets.Value[i]
		if c, seen := f.ownerOf(Tickets, d, f.allowed); seen {
			for _, l := range d.Lines {
				f.add(l.ServiceObject, c.ID, "")
			}
		}
	}
	for i := range visits.Value { // of which a customer sees nothing but the object
		v := &visits.Value[i]
		if c, seen := f.ownerOf(Tickets, &v.erpDocument, f.allowed); seen {
			f.add(v.DefaultServiceObject, c.ID, "")
		}
	}
	return nil
}

type erpVisit struct {
	erpDocument
	DefaultServiceObject *erpObject
}

func (f *findings) agreed(all []erpAgreement) {
	for i := range all {
		a := &all[i]
		for _, l := range a.Lines {
			if a.valid(f.today) && l.valid(f.today) && a.Customer != nil {
				f.add(l.ServiceObject, a.Customer.ID, a.ID)
			}
		}
	}
}

// dropSold forgets what is known from earlier and is in a valid agreement of somebody else:
// it was sold. Whose that is the person does not see, so the application asks for itself.
func (f *findings) dropSold(ctx context.Context) error {
	var earlier []string
	for id, own := range f.mine {
		if own.agreement == "" {
			earlier = append(earlier, client.Quote(client.Ref(setObjects, id)))
		}
	}
	for some := range slices.Chunk(earlier, atOnce) {
		for l, err := range client.List[erpAgreementLine](ctx, f.ERP, setAgreementLines, client.Query{
			Select: "LineStartDateTime,LineEndDateTime", Filter: client.And(oneOf("ServiceObject", some), "LineEndDateTime ge "+f.today), Top: 200,
			Expand: "ServiceObject($select=Id),ServiceAgreement($select=Id,Void,StartDateTime,EndDateTime;$expand=Customer($select=Id))",
		}) {
			if err != nil {
				return err
			}
			if a := l.ServiceAgreement; l.ServiceObject != nil && l.valid(f.today) && a.valid(f.today) && a.Customer != nil && f.allowed[strings.ToLower(a.Customer.ID)].ID == "" {
				delete(f.mine, strings.ToLower(l.ServiceObject.ID))
			}
		}
	}
	return nil
}
