package erp

import (
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setServiceActivities       = "Applications_Service_ServiceActivities"
	setActivityServices        = "Applications_Service_ServiceActivityServices"
	setActivityMaterials       = "Applications_Service_ServiceActivityMaterials"
	priorityMedium             = 3
	maxSubject                 = 254
	activityTask         int64 = 0
)

// Service activities: visits to customers, with what was done and used. They are
// documents and activities at once.

func serviceActivities(state *model.Enum) []write.Declaration {
	activities := activity(document(setServiceActivities, "Applications_Service_ServiceActivity", "erp_service_activities", setServiceOrders, state)).
		Child("Services", setActivityServices).Child("Materials", setActivityMaterials).
		With(
			model.Multilingual("ReceiverPersonName", 254),
			model.Ref("Customer", setCustomers).Required(),
			model.Ref("ReceiverPerson", setPersons),
			model.Ref("DefaultServiceObject", setServiceObjects),
			model.Ref("Store", setStores),
			model.Ref("LocationPartyContactMechanism", setContactMechanisms),
			model.Ref("ServiceAgreement", setServiceAgreements),
		).
		// A customer sees that there was a visit to which object, and nothing of it.
		ReachedBy("Customer", roleOrders, "DocumentDate").SeenOutside("DocumentDate", "Void", "Customer", "DefaultServiceObject")
	declared := asDocument(activities, prepareActivity)
	declared.Compute = computeActivity
	declared.Rules = with(before("TS6", "StartTime", "EndTime"), ofCustomer("TS7"))
	return []write.Declaration{
		declared,
		stateChanges(activities.Set, "ServiceActivity", state),

		{
			Set: model.Part(setActivityServices, "Applications_Service_ServiceActivityService", "erp_service_activity_services", "ServiceActivity").
				UniqueWithin("activity", "LineNo", "ServiceActivity").
				Code("LineNo").Display("{LineNo}. {ServiceActivity.DocumentNo} {ServiceName}").Search("ServiceActivity.DocumentNo").
				With(
					model.Int("LineNo").Required().Can(eq|ord),
					model.Text("ServiceName", 254).Required(),
					model.Quantity("Quantity", 9, 2, "Service.MeasurementUnit").Required().Is(model.IntValue(100)).Can(ge),
					model.Bool("CoveredByGuarantee").Required().Is(model.BoolValue(false)),
					model.Text("Notes", 254),
					model.Ref("ServiceActivity", setServiceActivities),
					model.Ref("Service", setServices).Required(),
					model.Ref("ServiceObject", setServiceObjects),
					model.Ref("PerformedByPerson", setPersons),
				),
			Prepare: prepareActivityService,
			Compute: func(c *write.Change) error { return c.Follow("ServiceName", "Service", "Name") },
		},

		{
			Set: model.Part(setActivityMaterials, "Applications_Service_ServiceActivityMaterial", "erp_service_activity_materials", "ServiceActivity").
				UniqueWithin("activity", "LineNo", "ServiceActivity").
				Code("LineNo").Display("{LineNo}. {ServiceActivity.DocumentNo} {Product.Name:T}").Search("ServiceActivity.DocumentNo").
				With(
					model.Int("LineNo").Required().Can(eq|ord),
					model.Quantity("Quantity", 18, 3, "QuantityUnit").Required().Is(model.IntValue(1000)).Can(ge),
					model.Quantity("QuantityBase", 18, 3, "Product.MeasurementUnit").Required().ReadOnly().Can(ge),
					model.Ref("ServiceActivity", setServiceActivities),
					model.Ref("Product", setProducts).Required(),
					model.Ref("QuantityUnit", setUnits).Required(),
					model.Ref("LineStore", setStores),
					model.Ref("ServiceObject", setServiceObjects),
				),
			Prepare: prepareActivityMaterial,
			Compute: quantityBase,
			Rules:   []write.Rule{unitRule(func(c *write.Change) (*model.Record, error) { return c.Ref("Product") })},
		},
	}
}

// activity adds what all activities have. A private one is seen by its owner alone.
func activity(d model.SetDeclaration) model.SetDeclaration {
	priority := &model.Enum{Name: "General_Activities_Activity_Priority", Members: []model.Member{
		{Name: "Lowest", Value: 1}, {Name: "Low", Value: 2}, {Name: "Medium", Value: priorityMedium}, {Name: "High", Value: 4}, {Name: "Highest", Value: 5},
	}}
	kind := model.NewEnum("General_Activities_Activity_SystemType", "Task", "Meeting", "Communication")
	return d.PersonalWhen("Private", 1, "OwnerParty").
		Search("DocumentNo", "ReferenceDocumentNo", "Subject", "Customer.Party.PartyName").
		With(
			model.Text("Subject", maxSubject).Required().Can(eq|like),
			model.DateTime("StartTime").Required().From(model.FromTime).KeepTime().Can(ge|ord),
			model.DateTime("EndTime").KeepTime().Can(ge),
			model.DateTime("DeadlineTime").KeepTime().Can(ge),
			model.DateTime("ReminderTime").KeepTime().Can(ge),
			model.Int("PlannedDurationMinutes"),
			model.OneOf("Priority", priority).Required().Is(model.IntValue(priorityMedium)).Can(eq|ge),
			model.Bool("Private").Required().Is(model.BoolValue(false)).Can(eq),
			model.OneOf("SystemType", kind).Required().Is(model.IntValue(activityTask)).Can(eq|in),
			model.Text("Notes", 0),
			model.Ref("OwnerParty", setParties).Required(),
			model.Ref("ResponsibleParty", setParties).Required(),
			model.Ref("TargetParty", setParties),
			model.Ref("ContactPerson", setPersons),
		)
}

// prepareActivity fills what a new activity did not get: the writer's Person owns it, the
// owner is responsible, and the subject says what it is and for whom.
func prepareActivity(c *write.Change) error {
	if err := prepareForCustomer(c); err != nil {
		return err
	}
	if !c.Has("OwnerParty") {
		person, err := personOf(c, c.Actor().ID)
		if err != nil {
			return err
		}
		if person != nil {
			c.Put("OwnerParty", c.Property("OwnerParty").Refer(model.Entity{Set: person.Set, ID: person.ID}))
		}
	}
	if !c.Has("ResponsibleParty") {
		c.Put("ResponsibleParty", c.Get("OwnerParty"))
	}
	if c.Has("Subject") {
		return nil
	}
	return makeSubject(c)
}

// makeSubject is "Visit: Gipfel & Faden Lechner GmbH".
func makeSubject(c *write.Change) error {
	documentType, err := c.Ref("DocumentType")
	if err != nil || documentType == nil {
		return err
	}
	var parts []string
	knows, err := c.Knows(documentType, "TypeName")
	if err != nil {
		return err
	}
	if knows {
		parts = append(parts, model.Translation(get(documentType, "TypeName").Text, model.DefaultLanguage))
	}
	customer, err := c.Ref("Customer")
	if err != nil {
		return err
	}
	if customer != nil {
		if knows, err = c.Knows(customer, "Party"); err != nil {
			return err
		}
		party, err := c.Row(customer.Set.Must("Party").Target, get(customer, "Party").Text)
		if err != nil {
			return err
		}
		if knows {
			if knows, err = c.Knows(party, "PartyName"); err != nil {
				return err
			}
		}
		if knows {
			parts = append(parts, model.Translation(get(party, "PartyName").Text, model.DefaultLanguage))
		}
	}
	if len(parts) > 0 { // else it has to be sent
		c.Put("Subject", model.TextValue(write.Clip(strings.Join(parts, ": "), maxSubject)))
	}
	return nil
}

// computeActivity copies the name of who received the work, unless somebody typed one.
func computeActivity(c *write.Change) error {
	if err := followCustomer(c); err != nil {
		return err
	}
	if c.Given("ReceiverPersonName") && c.Has("ReceiverPersonName") || !c.Has("ReceiverPerson") || !c.New && !c.Touched("ReceiverPerson") {
		return nil
	}
	c.Put("ReceiverPersonName", model.NullValue) // it was that of somebody else
	return c.Take("ReceiverPersonName", "ReceiverPerson", "PartyName")
}

func prepareActivityService(c *write.Change) error {
	if err := c.NextLineNo(); err != nil {
		return err
	}
	if !c.Has("ServiceObject") && !c.Given("ServiceObject") {
		if err := c.Take("ServiceObject", "ServiceActivity", "DefaultServiceObject"); err != nil {
			return err
		}
	}
	if c.Has("ServiceName") {
		return nil
	}
	return c.Take("ServiceName", "Service", "Name")
}

func prepareActivityMaterial(c *write.Change) error {
	if err := c.NextLineNo(); err != nil {
		return err
	}
	for _, take := range [][3]string{{"QuantityUnit", "Product", "MeasurementUnit"}, {"LineStore", "ServiceActivity", "Store"},
		{"ServiceObject", "ServiceActivity", "DefaultServiceObject"}} {
		if c.Has(take[0]) || c.Given(take[0]) {
			continue
		}
		if err := c.Take(take[0], take[1], take[2]); err != nil {
			return err
		}
	}
	return nil
}
