package cloud

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
)

// Sets of the domain API.
const (
	setVisits    = "Applications_Service_ServiceActivities"
	setServices  = "Applications_Service_Services"
	setProducts  = "General_Products_Products"
	setTypes     = "Systems_Documents_DocumentTypes"
	setObjects   = "Systems_Core_ExtensibleDataObjects"
	setItems     = "Applications_Service_ServiceActivityServices"
	setMaterials = "Applications_Service_ServiceActivityMaterials"
)

// States of documents, in their order. What is before Released can be changed.
var states = []string{"New", "Adjustment", "Planned", "FirmPlanned", "Released", "Completed", "Closed"}

const (
	stateFirm      = "FirmPlanned"
	stateReleased  = "Released"
	stateCompleted = "Completed"
)

// visitQuery is what the copy of a visit is made of.
var visitQuery = client.Query{
	Select: "Id,ObjectVersion,AggregateLastUpdateTimeUtc,DocumentNo,DocumentDate,State,Void,Subject,StartTime,EndTime,PlannedDurationMinutes,Notes,ReceiverPersonName",
	Expand: visitExpand + ",Customer($select=Id;$expand=Party($select=PartyName;$expand=ContactMechanisms($select=Name,ContactMechanismType)))",
}

// visitExpand is what can have changed by a command, and what is told with it for nothing.
const visitExpand = "DocumentType($select=Id),UserStatus($select=UserStatusName),Store($select=Id),ResponsibleParty($select=Id,PartyName),OwnerParty($select=Id)," +
	"DefaultServiceObject($select=Id,Name,SerialNumber),LocationPartyContactMechanism($select=Name)," +
	"Services($select=Id,ServiceName,Quantity,Notes;$expand=Service($select=Id)),Materials($select=Id,Quantity;$expand=Product($select=Id,Name))"

// row is something of the ERP with an id.
type row struct {
	ID string `json:"Id"`
}

// visit is a visit as the ERP has it; the copy is this, in JSON.
type visit struct {
	ID                     string    `json:"Id"`
	Version                int64     `json:"ObjectVersion"`
	ChangedAt              time.Time `json:"AggregateLastUpdateTimeUtc"`
	DocumentNo             string
	DocumentDate           string
	State                  string
	Void                   bool
	Subject                string
	StartTime, EndTime     *time.Time
	PlannedDurationMinutes *int64
	Notes                  string
	ReceiverPersonName     client.Text
	DocumentType           *row
	UserStatus             *struct{ UserStatusName client.Text }
	Store                  *row
	ResponsibleParty       *party
	DefaultServiceObject   *struct {
		ID           string `json:"Id"`
		Name         string
		SerialNumber string
	}
	LocationPartyContactMechanism *struct{ Name string }
	Customer                      *struct {
		ID    string `json:"Id"`
		Party *struct {
			PartyName         client.Text
			ContactMechanisms []struct{ Name, ContactMechanismType string }
		}
	}
	Services []struct {
		ID          string `json:"Id"`
		ServiceName string
		Quantity    client.Quantity
		Notes       string
		Service     *row
	}
	Materials []struct {
		ID       string `json:"Id"`
		Quantity client.Quantity
		Product  *struct {
			ID   string `json:"Id"`
			Name client.Text
		}
	}
	// planned is the day for which it was planned, as the copy remembers; empty where it does
	// not know, or nobody has asked.
	planned string
}

type party struct {
	ID        string `json:"Id"`
	PartyName client.Text
}

func (v *visit) json() string {
	text, err := json.Marshal(v)
	if err != nil { // values of ours: cannot happen
		return "{}"
	}
	return string(text)
}

// day is the one on which the visit begins in a zone, as reminders, reports and the office
// have it, or the document's date where it has no time; empty where it has neither. Planned
// ahead, the document is of the day on which it was written.
func (v *visit) day(zone *time.Location) string {
	if v.StartTime != nil {
		return v.StartTime.In(zone).Format(time.DateOnly)
	}
	return v.DocumentDate[:min(len(v.DocumentDate), len(time.DateOnly))]
}

// begun reports whether its StartTime is when it was begun, and no plan any more.
func (v *visit) begun() bool { return v.status() != wire.Scheduled }

// days are those of a visit: that for which it is planned, and that on which it was begun.
func (v *visit) days(zone *time.Location) []string {
	all := []string{v.day(zone)}
	if v.begun() && v.planned != "" && v.planned != all[0] {
		all = append(all, v.planned)
	}
	return all
}

func (v *visit) responsible() string {
	if v.ResponsibleParty == nil {
		return ""
	}
	return v.ResponsibleParty.ID
}

// from reports whether the document has come as far as a state.
func (v *visit) from(state string) bool {
	return slices.Index(states, v.State) >= slices.Index(states, state)
}

// status is how far the work is: Done once the document is released.
func (v *visit) status() string {
	switch {
	case v.from(stateReleased):
		return wire.Done
	case v.UserStatus == nil:
		return wire.Scheduled
	}
	return v.UserStatus.UserStatusName.In("EN")
}

// endSlack is by how much what was done at a visit may seem to come after its end: that
// is told in whole seconds, and a phone learns by how much its clock is wrong.
const endSlack = 30 * time.Second

// ended is when the work of a released visit ended, as far as it tells.
func (v *visit) ended() time.Time {
	if v.EndTime != nil {
		return *v.EndTime
	}
	return v.ChangedAt
}

// hasLine reports whether a line is there that a command has made: it has the command's id.
func (v *visit) hasLine(command string) bool {
	for i := range v.Services {
		if v.Services[i].ID == command {
			return true
		}
	}
	for i := range v.Materials {
		if v.Materials[i].ID == command {
			return true
		}
	}
	return false
}

// phone is the customer's first number.
func (v *visit) phone() string {
	if v.Customer == nil || v.Customer.Party == nil {
		return ""
	}
	for _, m := range v.Customer.Party.ContactMechanisms {
		if m.ContactMechanismType == "Telephone" || m.ContactMechanismType == "MobilePhone" {
			return m.Name
		}
	}
	return ""
}

// shown is the visit as phones get it, with its texts in a language.
func (c *Cloud) shown(v *visit, language string) *wire.Visit {
	out := &wire.Visit{
		ID: v.ID, Version: v.Version, Number: v.DocumentNo, Subject: v.Subject, Status: v.status(), State: v.State, Day: v.day(c.zone),
		Start: v.StartTime, End: v.EndTime, Phone: v.phone(), Notes: v.Notes, Receiver: v.ReceiverPersonName.In("EN"),
		Services: []wire.Service{}, Materials: []wire.Material{}, Files: []wire.File{}, History: []wire.Past{},
	}
	if v.PlannedDurationMinutes != nil {
		out.PlannedMinutes = *v.PlannedDurationMinutes
	}
	if of := v.Customer; of != nil && of.Party != nil {
		out.Customer = wire.Named{ID: of.ID, Name: of.Party.PartyName.In(language)}
	}
	if o := v.DefaultServiceObject; o != nil {
		out.Object = &wire.Object{ID: o.ID, Name: o.Name, Serial: o.SerialNumber}
	}
	if m := v.LocationPartyContactMechanism; m != nil {
		out.Address = m.Name
	}
	if p := v.ResponsibleParty; p != nil {
		out.Responsible = wire.Named{ID: p.ID, Name: p.PartyName.In(language)}
	}
	for i := range v.Services {
		s := &v.Services[i]
		line := wire.Service{ID: s.ID, Quantity: s.Quantity.Value.String(), Unit: s.Quantity.Unit, Notes: s.Notes, Service: wire.Named{Name: s.ServiceName}}
		if s.Service != nil {
			line.Service.ID = s.Service.ID
		}
		out.Services = append(out.Services, line)
	}
	for i := range v.Materials {
		m := &v.Materials[i]
		line := wire.Material{ID: m.ID, Quantity: m.Quantity.Value.String(), Unit: m.Quantity.Unit}
		if m.Product != nil {
			line.Product = wire.Named{ID: m.Product.ID, Name: m.Product.Name.In(language)}
		}
		out.Materials = append(out.Materials, line)
	}
	return out
}
