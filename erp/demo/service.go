package demo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zone is named also where the system has no database of them

	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// What the service of Dravena does: objects of its customers, agreements, tickets,
// visits of technicians, and shipments of some orders. It is written as people write it,
// through all rules, beside the demo company and into those that were made before.

const (
	setShipments   = "Logistics_Shipment_Shipments"
	setObjects     = "Applications_Service_ServiceObjects"
	setServices    = "Applications_Service_Services"
	setAgreements  = "Applications_Service_ServiceAgreements"
	setTickets     = "Applications_Service_ServiceOrders"
	setVisits      = "Applications_Service_ServiceActivities"
	serviced       = 4 // customers that have an agreement
	shippedOrders  = 3 // of each of them
	earlierVisits  = 3
	agreementYears = 3
)

// Technician is a person who makes visits.
type Technician struct {
	// Key names the person for [TechnicianID]; First and Last are names in English and,
	// after =, Bulgarian.
	Key, First, Last string
	// Staff says that the person is on the payroll.
	Staff bool
}

// Technicians are those of the demo, by the logins of their accounts.
func Technicians() []Technician {
	return []Technician{{"tom", "Tom=Том", "Huber=Хубер", true}, {"nina", "Nina=Нина", "Ivanova=Иванова", false}}
}

// TechnicianID is the person of a technician.
func TechnicianID(erpModel *write.Model, key string) string {
	return IDOf(erpModel.Set(setPersons), "technician/"+key)
}

// service makes the rows of one seed.
type service struct {
	tx    write.Tx
	model *write.Model
	by    write.Actor
	now   time.Time
	day   time.Time
}

// home is where the demo company is: late in the evening of UTC it is tomorrow there.
var home = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Sofia")
	if err != nil {
		panic(err) // the program has it
	}
	return zone
}()

func newService(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time) *service {
	y, m, d := now.In(home).Date()
	return &service{tx: tx, model: erpModel, by: by, now: now.UTC(), day: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

// Service makes them in a transaction of a demo company, unless they are there. Visits of
// technicians who are not on the payroll get the key of rows with the id partners, see
// [Subcontract]; none where it is empty.
func Service(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time, partners string) error {
	s := newService(tx, erpModel, by, now)
	types := erpModel.Set(setTypes)
	there, err := tx.Find(query.ByID(types, IDOf(types, "VIS")))
	if err != nil || len(there) > 0 {
		return err
	}
	subcontract := func() error { return s.subcontract(partners) }
	for _, step := range []func() error{s.makeTypes, s.makeMasters, s.makeTechnicians, s.makeObjects, s.makeShipments, subcontract, s.makeVisits} {
		if err := step(); err != nil {
			return fmt.Errorf("make the demo's service: %w", err)
		}
	}
	return nil
}

// create makes a row with the id of its name, at a time.
func (s *service) create(set, name string, at time.Time, o *write.Object) (model.Entity, error) {
	e := model.Entity{Set: s.model.Set(set), ID: IDOf(s.model.Set(set), name)}
	o.Members = append([]write.Member{{Name: "Id", Value: e.ID}}, o.Members...)
	_, err := write.NewWriter(s.model, s.by).In(s.tx, at).Apply(e.Set, o, "create")
	return e, err
}

func (s *service) do(e model.Entity, at time.Time, action string, args *write.Object) error {
	_, err := write.NewWriter(s.model, s.by).In(s.tx, at).Do(e, write.Condition{}, action, args)
	return err
}

func object() *write.Object { return &write.Object{} }

func (s *service) named(set, name string) *write.Object {
	return link(model.Entity{Set: s.model.Set(set), ID: IDOf(s.model.Set(set), name)})
}

// languagesOf is a text in languages of English=German=Bulgarian.
func languagesOf(text string) *write.Object {
	return object().Set("EN", part(text, 0)).Set("DE", part(text, 1)).Set("BG", part(text, 2))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func status(order int, exit bool, name string) *write.Object {
	return object().Set("UserStatusName", languagesOf(name)).Set("State", "FirmPlanned").
		Set("DisplayOrder", json.Number(strconv.Itoa(order))).Set("IsExitStatus", exit)
}

func (s *service) makeTypes() error {
	for _, t := range []struct {
		code, name, set string
		statuses        []any
	}{
		{"SHP", "Shipment=Lieferung=Експедиция", setShipments, nil},
		{"SAG", "Service agreement=Servicevertrag=Сервизен договор", setAgreements, nil},
		{"SRO", "Service order=Serviceauftrag=Сервизна заявка", setTickets,
			[]any{status(10, false, "Reported=Gemeldet=Приета"), status(20, false, "Scheduled=Geplant=Планирана"), status(30, true, "Done=Erledigt=Изпълнена")}},
		{"VIS", "Visit=Einsatz=Посещение", setVisits,
			[]any{status(10, false, "Scheduled=Geplant=Планирано"), status(20, false, "Working=In Arbeit=В работа"), status(30, true, "Done=Erledigt=Изпълнено")}},
	} {
		o := object().Set("Code", t.code).Set("TypeName", languagesOf(t.name)).Set("EntityName", t.set)
		if t.statuses != nil {
			o.Set("UserStatuses", t.statuses)
		}
		if _, err := s.create(setTypes, t.code, s.now, o); err != nil {
			return err
		}
	}
	return nil
}

// makeMasters makes the services and what they are counted in.
func (s *service) makeMasters() error {
	hours := object().Set("Code", "h").Set("Name", languagesOf("hour=Stunde=час")).Set("IsDefaultUnit", true).Set("SystemUnit", "Hour")
	minutes := object().Set("Code", "min").Set("Name", languagesOf("minute=Minute=минута")).Set("Divisor", json.Number("60"))
	if _, err := s.create(setCategories, "Time", s.now, object().Set("Name", languagesOf("Time=Zeit=Време")).Set("IsDefault", false).
		Set("Units", []any{hours, minutes})); err != nil {
		return err
	}
	for _, v := range [][2]string{{"INSP", "Inspection"}, {"REP", "Repair"}, {"MNT", "Maintenance"}, {"TRVL", "Travel"}} {
		o := object().Set("Code", v[0]).Set("Name", v[1]).Set("MeasurementUnit", object().Set("Code", "h"))
		if _, err := s.create(setServices, v[0], s.now, o); err != nil {
			return err
		}
	}
	for i, name := range []string{"Full service", "Inspection only"} {
		if _, err := s.create("Applications_Service_ServiceTypes", name, s.now, object().Set("Name", name).Set("IsDefault", i == 0)); err != nil {
			return err
		}
	}
	_, err := s.create("Applications_Service_ServiceObjectTypes", "Power tool", s.now, object().Set("Name", "Power tool"))
	return err
}

func (s *service) makeTechnicians() error {
	for _, t := range Technicians() {
		bulgarian := func(text string) *write.Object { return object().Set("EN", part(text, 0)).Set("BG", part(text, 1)) }
		o := object().Set("FirstName", bulgarian(t.First)).Set("LastName", bulgarian(t.Last))
		if t.Staff {
			o.Set("ParentParty", s.named(setCompanies, "Dravena BG"))
		}
		if _, err := s.create(setPersons, "technician/"+t.Key, s.now, o); err != nil {
			return err
		}
	}
	return nil
}

// makeObjects gives the first customers of the portal addresses, objects with an
// agreement, and a ticket each.
func (s *service) makeObjects() error {
	products, err := s.products()
	if err != nil {
		return err
	}
	start := s.day.AddDate(-1, 0, 0)
	for n := range serviced {
		customer := PortalCustomer(s.model, n)
		if err := s.address(customer, n); err != nil {
			return err
		}
		var lines []any
		for i := range 3 {
			name := s.objectName(n, i)
			o := object().Set("Name", []string{"Winch, hall 1", "Belt sander, workshop", "Hoist, gate"}[i]).
				Set("SerialNumber", fmt.Sprintf("DR-%04d-%02d", 1200+37*n, i+1)).Set("Product", link(products[i%len(products)])).
				Set("ServiceObjectType", s.named("Applications_Service_ServiceObjectTypes", "Power tool"))
			e, err := s.create(setObjects, name, start, o)
			if err != nil {
				return err
			}
			lines = append(lines, object().Set("ServiceObject", link(e)))
		}
		o := object().Set("Customer", link(customer)).Set("StartDateTime", stamp(start)).
			Set("EndDateTime", stamp(start.AddDate(agreementYears, 0, 0))).Set("Lines", lines)
		agreement, err := s.create(setAgreements, strconv.Itoa(n), start.Add(9*time.Hour), o)
		if err != nil {
			return err
		}
		ticket := object().Set("Customer", link(customer)).Set("ServiceAgreement", link(agreement)).Set("Lines", []any{
			object().Set("ServiceObject", s.named(setObjects, s.objectName(n, 0))).
				Set("SymptomDescription", []string{"Stops under load, smells of burnt insulation", "Brake does not hold", "Runs hot", "Remote control dead"}[n])})
		made, err := s.create(setTickets, strconv.Itoa(n), s.day.AddDate(0, 0, -2).Add(10*time.Hour), ticket)
		if err != nil {
			return err
		}
		if err := s.do(made, s.day.AddDate(0, 0, -2).Add(11*time.Hour), "ChangeState", object().Set("newState", "FirmPlanned")); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) objectName(customer, i int) string { return fmt.Sprintf("%d/%d", customer, i) }

// products are what is serviced: power tools.
func (s *service) products() ([]model.Entity, error) {
	products := s.model.Set(setProducts)
	found, err := s.tx.Find(&query.Query{Set: products, Limit: 3, Where: query.And{
		query.Equal(products.Must("ProductGroup"), model.TextValue(IDOf(s.model.Set(setProductGroups), "POWR"))),
		query.Equal(products.Must("Active"), model.BoolValue(true))},
		Order: []query.Order{{Path: &model.Path{Property: products.Must("PartNumber")}}}})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there are no power tools")
	}
	return found, err
}

func (s *service) party(customer model.Entity) (model.Entity, error) {
	r, err := s.tx.Load(customer.Set, customer.ID, false)
	if err != nil {
		return model.Entity{}, err
	}
	party, err := s.tx.Load(s.model.Set("General_Contacts_Parties"), r.Get(customer.Set.Must("Party")).Text, false)
	if err != nil {
		return model.Entity{}, err
	}
	return model.Entity{Set: party.Set, ID: party.ID}, nil
}

func (s *service) address(customer model.Entity, n int) error {
	party, err := s.party(customer)
	if err != nil {
		return err
	}
	o := object().Set("Id", IDOf(s.model.Set(setMechanisms), "address/"+strconv.Itoa(n))).
		Set("Name", []string{"Lagerweg 3, Tor 2", "ul. Stara planina 14", "Hauptplatz 8, Werkstatt", "bul. Bulgaria 102"}[n]).
		Set("ContactMechanismType", "Address").Set("IsDefault", true).Set("LineOrd", json.Number("10"))
	_, err = write.NewWriter(s.model, s.by).In(s.tx, s.now).CreateChild(party, write.Condition{}, party.Set.Child("ContactMechanisms"), o)
	return err
}

// makeShipments ships the last released orders of these customers.
func (s *service) makeShipments() error {
	orders := s.model.Set(setOrders)
	for n := range serviced {
		found, err := s.tx.Find(&query.Query{Set: orders, Limit: shippedOrders, Where: query.And{
			query.Equal(orders.Must("Customer"), model.TextValue(PortalCustomer(s.model, n).ID)), query.Equal(orders.Must("Void"), model.BoolValue(false)),
			query.AtLeast(orders.Must("State"), model.IntValue(erp.StateReleased))},
			Order: []query.Order{{Path: &model.Path{Property: orders.Must("DocumentDate")}, Descending: true}}})
		if err != nil {
			return err
		}
		for i, order := range found {
			if err := s.ship(order, fmt.Sprintf("%d/%d", n, i), i == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *service) ship(order model.Entity, name string, waits bool) error {
	lines := s.model.Set(setOrderLines)
	found, err := s.tx.Find(&query.Query{Set: lines, Where: query.Equal(lines.Owner, model.TextValue(order.ID)),
		Order: []query.Order{{Path: &model.Path{Property: lines.Must("LineNo")}}}})
	if err != nil {
		return err
	}
	r, err := s.tx.Load(order.Set, order.ID, false)
	if err != nil {
		return err
	}
	released := time.UnixMicro(r.Get(order.Set.Must("ReleaseTime")).Int)
	var rows []any
	for _, e := range found {
		line, err := s.tx.Load(e.Set, e.ID, false)
		if err != nil {
			return err
		}
		quantity := object().Set("Value", json.Number(string(model.AppendDecimal(nil, line.Get(lines.Must("Quantity")).Int, 3))))
		rows = append(rows, object().Set("ParentSalesOrderLine", link(e)).Set("Quantity", quantity))
	}
	o := object().Set("Parent", link(order)).Set("DocumentDate", stamp(day(released))).Set("Lines", rows)
	made, err := s.create(setShipments, name, released, o)
	if err != nil || waits {
		return err
	}
	return s.do(made, released, "ChangeState", object().Set("newState", "Released"))
}

// makeVisits gives each technician visits of today, and some that are done.
func (s *service) makeVisits() error {
	for t, technician := range Technicians() {
		for i := range 3 {
			customer := (t + i) % serviced
			if _, err := s.visit(technician, fmt.Sprintf("%s/%d", technician.Key, i), customer, s.day.Add(time.Duration(8+3*i)*time.Hour)); err != nil {
				return err
			}
		}
		for i := range earlierVisits {
			at := s.day.AddDate(0, 0, -3-4*i-t).Add(9 * time.Hour)
			made, err := s.visit(technician, fmt.Sprintf("%s/done/%d", technician.Key, i), i%serviced, at)
			if err != nil {
				return err
			}
			if err := s.finish(made, technician, at.Add(90*time.Minute)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Visits gives technicians who have no visit today some, in a transaction of a demo company
// whose service is there: those of the payroll three, the others one. Each is told
// of the first by the account that they have. It says how many were made.
func Visits(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time, accounts map[string]string) (n int, err error) {
	s := newService(tx, erpModel, by, now)
	visits := erpModel.Set(setVisits)
	for i, t := range Technicians() {
		found, err := tx.Find(&query.Query{Set: visits, Limit: 1, Where: query.And{
			query.Equal(visits.Must("ResponsibleParty"), model.TextValue(TechnicianID(erpModel, t.Key))),
			query.AtLeast(visits.Must("StartTime"), model.IntValue(s.day.UnixMicro())),
			query.AtMost(visits.Must("StartTime"), model.IntValue(s.day.AddDate(0, 0, 1).UnixMicro()-1)),
		}})
		if err != nil {
			return n, err
		}
		wanted := 1
		if t.Staff {
			wanted = 3
		}
		for j := 0; j < wanted && len(found) == 0; j++ {
			name := fmt.Sprintf("%s/%s/%d", t.Key, s.day.Format(time.DateOnly), j)
			made, err := s.visit(t, name, (i+j)%serviced, s.day.Add(time.Duration(8+3*j)*time.Hour))
			if err == nil && j == 0 {
				err = s.do(made, s.now, "CreateNotification", object().Set("user", object().Set("@odata.id", "Systems_Security_Users("+accounts[t.Key]+")")).
					Set("notificationClass", "demo/visits").Set("subject", fmt.Sprintf("Visits today: %d", wanted)))
			}
			if err != nil {
				return n, fmt.Errorf("make the demo's visits: %w", err)
			}
			n++
		}
	}
	return n, nil
}

func (s *service) visit(t Technician, name string, customer int, at time.Time) (model.Entity, error) {
	person := s.named(setPersons, "technician/"+t.Key)
	entered := at.Add(-26 * time.Hour)
	o := object().Set("Customer", link(PortalCustomer(s.model, customer))).Set("DocumentDate", stamp(day(at))).
		Set("StartTime", stamp(at)).Set("PlannedDurationMinutes", json.Number("90")).
		Set("OwnerParty", person).Set("ResponsibleParty", person).Set("Store", s.named(setStores, "PDV")).
		Set("DefaultServiceObject", s.named(setObjects, s.objectName(customer, 0))).
		Set("LocationPartyContactMechanism", s.named(setMechanisms, "address/"+strconv.Itoa(customer))).
		Set("ServiceAgreement", s.named(setAgreements, strconv.Itoa(customer)))
	made, err := s.create(setVisits, name, entered, o)
	if err != nil {
		return made, err
	}
	return made, s.do(made, entered, "ChangeState", object().Set("newState", "FirmPlanned"))
}

// finish notes what was done at a visit, and completes it.
func (s *service) finish(visit model.Entity, t Technician, at time.Time) error {
	products, err := s.products()
	if err != nil {
		return err
	}
	done := object().Set("EndTime", stamp(at)).Set("ReceiverPersonName", object().Set("EN", "F. Lechner")).
		Set("Services", []any{object().Set("Service", s.named(setServices, "MNT")).Set("Quantity", value("1.5")).
			Set("PerformedByPerson", s.named(setPersons, "technician/"+t.Key))}).
		Set("Materials", []any{object().Set("Product", link(products[len(products)-1]))})
	w := write.NewWriter(s.model, s.by).In(s.tx, at)
	if _, err := w.Update(visit, write.Condition{}, done); err != nil {
		return err
	}
	types := s.model.Set(setTypes)
	exit, err := s.exitStatus(IDOf(types, "VIS"))
	if err != nil {
		return err
	}
	for _, args := range []*write.Object{object().Set("newState", "FirmPlanned").Set("userStatus", link(exit)), object().Set("newState", "Completed")} {
		if err := s.do(visit, at, "ChangeState", args); err != nil {
			return err
		}
	}
	return nil
}

// Subcontract lets new visits of technicians who are not on the payroll get a key of rows,
// by the security conditions of their type, unless that has some. Visits that are there
// stay as they are.
func Subcontract(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time, key string) error {
	s := newService(tx, erpModel, by, now)
	return s.subcontract(key)
}

func (s *service) subcontract(key string) error {
	types, conditions := s.model.Set(setTypes), s.model.Set("Systems_Documents_DocumentTypeSecurityConditions")
	visits := model.Entity{Set: types, ID: IDOf(types, "VIS")}
	has, err := s.tx.Find(&query.Query{Set: conditions, Limit: 1, Where: query.Equal(conditions.Owner, model.TextValue(visits.ID))})
	if err != nil || len(has) > 0 || key == "" {
		return err
	}
	var partners []string
	for _, t := range Technicians() {
		if !t.Staff {
			partners = append(partners, fmt.Sprintf("ResponsibleParty eq '%s(%s)'", setPersons, TechnicianID(s.model, t.Key)))
		}
	}
	condition := object().Set("Description", "Of a technician from outside").Set("ConditionFilter", strings.Join(partners, " or ")).
		Set("DocumentAccessKey", link(model.Entity{Set: s.model.Set("Systems_Security_AccessKeys"), ID: key}))
	_, err = write.NewWriter(s.model, s.by).In(s.tx, s.now).Update(visits, write.Condition{}, object().Set("SecurityConditions", []any{condition}))
	return err
}

// exitStatus is the status by which documents of a type leave FirmPlanned.
func (s *service) exitStatus(typeID string) (model.Entity, error) {
	statuses := s.model.Set("Systems_Documents_DocumentTypeUserStatuses")
	found, err := s.tx.Find(&query.Query{Set: statuses, Limit: 1, Where: query.And{
		query.Equal(statuses.Owner, model.TextValue(typeID)), query.Equal(statuses.Must("IsExitStatus"), model.BoolValue(true))}})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("the type has no exit status")
	}
	if err != nil {
		return model.Entity{}, err
	}
	return found[0], nil
}
