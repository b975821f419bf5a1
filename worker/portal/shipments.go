package portal

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// Shipments to the companies of the person, and the two things that they may say of one:
// that it arrived, and, before it is released, where it shall go. Calls that are narrowed
// to a person write nothing: what they may write is looked at here, and then written as
// the application, in the version that was looked at.

// Shipments are those to the party of a customer.
var Shipments = Kind{
	set: "Logistics_Shipment_Shipments", word: "shipments", role: internalapi.RoleOrders, toParty: true,
	head: "Id,DocumentNo,DocumentDate,State,Void,RequiredDeliveryDate", one: ",ObjectVersion,DocumentNotes",
	list: "ToParty($select=PartyName)", present: (*erpDocument).presentShipment,
	expand: "ToParty($select=PartyName;$expand=ContactMechanisms($select=Id,Name;$filter=ContactMechanismType eq 'Address' and IsActive eq true;$orderby=LineOrd))," +
		"ShipToPartyContactMechanism($select=Id,Name)," +
		"Lines($select=LineNo,Quantity;$expand=ParentSalesOrderLine($select=ProductDescription;$expand=Product($select=PartNumber));$orderby=LineNo)",
}

// setMechanisms are the ways to reach a party, addresses among them.
const setMechanisms = "General_Contacts_PartyContactMechanisms"

// received is a line of a shipment's notes as Confirm writes it; what an employee writes
// of receiving something is none.
var received = regexp.MustCompile(`^Received \d{4}-\d\d-\d\d by .+ \(\S+\)(: |$)`)

// maxNotes bounds the notes of a shipment, in bytes; maxTries is how often one writes
// where somebody else does at the same time.
const maxNotes, maxTries = 8000, 3

// erpShipment is what only shipments have.
type erpShipment struct {
	RequiredDeliveryDate *time.Time
	DocumentNotes        string
	ToParty              *struct {
		ID                string `json:"@odata.id"`
		ContactMechanisms []erpAddress
	}
	ShipToPartyContactMechanism *erpAddress
}

type erpAddress struct {
	ID   string `json:"Id"`
	Name string
}

// presentShipment tells what only shipments have. Of the notes, which are for employees
// too, the person sees what was said of the arrival.
func (d *erpDocument) presentShipment(out *internalapi.PortalDocument) {
	out.RequiredBy, out.Total = day(d.RequiredDeliveryDate), nil
	if at := d.ShipToPartyContactMechanism; at != nil {
		out.Address = &internalapi.PortalAddress{ID: at.ID, Name: at.Name}
	}
	for line := range strings.Lines(d.DocumentNotes) {
		if line = strings.TrimSpace(line); received.MatchString(line) {
			out.Received = append(out.Received, line)
		}
	}
	out.MayReceive = !d.Void && d.released() && len(out.Received) == 0
	if d.Void || d.released() || d.ToParty == nil {
		return
	}
	for _, m := range d.ToParty.ContactMechanisms {
		out.Addresses = append(out.Addresses, internalapi.PortalAddress{ID: m.ID, Name: m.Name})
	}
}

// released reports whether the document is on its way.
func (d *erpDocument) released() bool {
	return slices.Contains([]string{"Released", "Completed", "Closed"}, d.State)
}

// Confirm notes that a shipment arrived. What was noted once stays: the same again, and
// what comes later, change nothing.
func (o *Portal) Confirm(ctx context.Context, p client.IDToken, id string, r internalapi.Receipt) (internalapi.PortalDocument, error) {
	name, err := oneLine("the name", r.Name, internalapi.MaxReceiver)
	if err != nil {
		return internalapi.PortalDocument{}, err
	}
	note, err := oneLine("the note", r.Note, internalapi.MaxNote)
	if err == nil && name == "" {
		err = tandem.Errorf(tandem.CodeInvalid, "say who received the shipment: the name is empty")
	}
	if err != nil {
		return internalapi.PortalDocument{}, err
	}
	line := "Received " + o.today().Format(time.DateOnly) + " by " + name + " (" + p.Login + ")"
	if note != "" {
		line += ": " + note
	}
	return o.change(ctx, p, id, func(d *erpDocument, seen *internalapi.PortalDocument) (map[string]any, error) {
		switch {
		case len(seen.Received) > 0:
			return nil, nil
		case !seen.MayReceive:
			return nil, tandem.Errorf(tandem.CodeRule, "the shipment is %s, so it cannot have arrived; confirm it once it is on its way", stateOf(d))
		}
		notes := strings.TrimSpace(d.DocumentNotes + "\n" + line)
		if len(notes) > maxNotes {
			return nil, tandem.Errorf(tandem.CodeRule, "the notes of this shipment are full; call your contact at the company")
		}
		return map[string]any{"DocumentNotes": notes}, nil
	})
}

// Redirect gives a shipment that is not released another address of its customer.
func (o *Portal) Redirect(ctx context.Context, p client.IDToken, id, address string) (internalapi.PortalDocument, error) {
	return o.change(ctx, p, id, func(d *erpDocument, seen *internalapi.PortalDocument) (map[string]any, error) {
		if d.Void || d.released() {
			return nil, tandem.Errorf(tandem.CodeRule, "the shipment is %s meanwhile, so its address cannot change any more", stateOf(d))
		}
		if seen.Address != nil && strings.EqualFold(seen.Address.ID, address) {
			return nil, nil
		}
		for _, a := range seen.Addresses {
			if strings.EqualFold(a.ID, address) {
				return map[string]any{"ShipToPartyContactMechanism": map[string]any{"@odata.id": client.Ref(setMechanisms, a.ID)}}, nil
			}
		}
		return nil, tandem.Errorf(tandem.CodeInvalid, "choose one of the addresses of your company")
	})
}

func stateOf(d *erpDocument) string {
	if d.Void {
		return "void"
	}
	return strings.ToLower(d.State)
}

// change writes what decide says of a shipment that the person sees; nil is nothing. The
// ERP refuses it where the shipment has changed since, and then one looks again.
func (o *Portal) change(ctx context.Context, p client.IDToken, id string,
	decide func(*erpDocument, *internalapi.PortalDocument) (map[string]any, error),
) (internalapi.PortalDocument, error) {
	for try := 1; ; try++ {
		d, seen, err := o.read(client.NarrowedTo(ctx, p), p, Shipments, id, Shipments.expand)
		if err != nil {
			return seen, err
		}
		changes, err := decide(d, &seen)
		if err != nil || changes == nil {
			return seen, err
		}
		changes["ObjectVersion"] = d.ObjectVersion
		err = client.Update(client.OnBehalfOf(ctx, p), o.ERP, client.Ref(Shipments.set, d.ID), changes)
		if conflict := status(err); (conflict == http.StatusConflict || conflict == http.StatusPreconditionFailed) && try < maxTries {
			continue
		}
		if err != nil {
			return seen, refused(err)
		}
		_, seen, err = o.read(client.NarrowedTo(ctx, p), p, Shipments, id, Shipments.expand)
		return seen, err
	}
}
