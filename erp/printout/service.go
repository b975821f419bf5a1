package printout

import (
	"context"
	"strconv"
	"time"
)

const setActivities = "Applications_Service_ServiceActivities"

// visit is what is read of a service activity.
type visit struct {
	base
	Subject, Notes                string
	StartTime, EndTime            *time.Time
	ReceiverPersonName            text
	ResponsibleParty              *struct{ PartyName text }
	DefaultServiceObject          *serviceObject
	LocationPartyContactMechanism *struct{ Name string }
	Services                      []struct {
		LineNo             int
		ServiceName, Notes string
		Quantity           quantity
		CoveredByGuarantee bool
		ServiceObject      *serviceObject
	}
	Materials []struct {
		LineNo   int
		Quantity quantity
		Product  *struct {
			PartNumber string
			Name       text
		}
	}
}

type serviceObject struct{ Name, SerialNumber string }

func (o *serviceObject) String() string {
	switch {
	case o == nil:
		return ""
	case o.SerialNumber == "":
		return o.Name
	}
	return o.Name + " (" + o.SerialNumber + ")"
}

const readVisit = "$select=" + selectBase + ",Subject,Notes,StartTime,EndTime,ReceiverPersonName&$expand=" + expandBase +
	",ResponsibleParty($select=PartyName),DefaultServiceObject($select=Name,SerialNumber),LocationPartyContactMechanism($select=Name)" +
	",Services($select=LineNo,ServiceName,Quantity,CoveredByGuarantee,Notes;$expand=ServiceObject($select=Name,SerialNumber);$orderby=LineNo)" +
	",Materials($select=LineNo,Quantity;$expand=Product($select=PartNumber,Name);$orderby=LineNo)"

// activity prints the report of a visit: what was done and used, for the customer to sign.
func activity(ctx context.Context, p *printer) (*document, error) {
	var v visit
	if err := p.Read(ctx, p.Set, p.ID, readVisit, &v); err != nil {
		return nil, err
	}
	if err := p.tooMany(max(len(v.Services), len(v.Materials))); err != nil {
		return nil, err
	}
	d, err := p.head(ctx, p.Say("Service report"), &v.base)
	if err != nil {
		return nil, err
	}
	d.Facts = add(d.Facts, p.Say("Start"), p.moment(v.StartTime))
	d.Facts = add(d.Facts, p.Say("End"), p.moment(v.EndTime))
	if v.ResponsibleParty != nil {
		d.Facts = add(d.Facts, p.Say("Technician"), p.in(v.ResponsibleParty.PartyName))
	}
	if v.LocationPartyContactMechanism != nil {
		d.Facts = add(d.Facts, p.Say("Place"), v.LocationPartyContactMechanism.Name)
	}
	d.Facts = add(d.Facts, p.Say("Object"), v.DefaultServiceObject.String())
	d.Tables = append(p.services(&v), p.materials(&v)...)
	d.Notes = add(add(d.Notes, p.Say("Subject"), v.Subject), p.Say("Notes"), v.Notes)
	d.Signature = fact{p.Say("Received by"), p.in(v.ReceiverPersonName)}
	return d, nil
}

func (p *printer) services(v *visit) []table {
	if len(v.Services) == 0 {
		return nil
	}
	t := table{Title: p.Say("Services"), Columns: []column{{p.Say("No."), 7, true}, {p.Say("Description"), 45, false}, {p.Say("Object"), 32, false}, {p.Say("Quantity"), 16, true}}}
	for i := range v.Services {
		s := &v.Services[i]
		what := s.ServiceName
		if s.CoveredByGuarantee {
			what += " – " + p.Say("covered by the guarantee")
		}
		if s.Notes != "" {
			what += "\n" + s.Notes
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(s.LineNo), what, s.ServiceObject.String(), p.quantity(s.Quantity)})
	}
	return []table{t}
}

func (p *printer) materials(v *visit) []table {
	if len(v.Materials) == 0 {
		return nil
	}
	t := table{Title: p.Say("Materials"), Columns: []column{{p.Say("No."), 7, true}, {p.Say("Item"), 20, false}, {p.Say("Description"), 57, false}, {p.Say("Quantity"), 16, true}}}
	for i := range v.Materials {
		m := &v.Materials[i]
		row := []string{strconv.Itoa(m.LineNo), "", "", p.quantity(m.Quantity)}
		if m.Product != nil {
			row[1], row[2] = m.Product.PartNumber, p.in(m.Product.Name)
		}
		t.Rows = append(t.Rows, row)
	}
	return []table{t}
}
