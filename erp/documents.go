package erp

import "fmt"

// Documents: what orders and invoices have in common.

const setDocumentTypes = "Systems_Documents_DocumentTypes"

// The states of a document; they only advance.
const (
	StateNew        = 0
	StateAdjustment = 5
	StatePlanned    = 10
	StateFirm       = 20
	StateReleased   = 30
	StateCompleted  = 40
	StateClosed     = 50
)

func documentState() *EnumType {
	return &EnumType{Name: "General_DocumentState", Members: []EnumMember{
		{"New", StateNew}, {"Adjustment", StateAdjustment}, {"Planned", StatePlanned}, {"FirmPlanned", StateFirm},
		{"Released", StateReleased}, {"Completed", StateCompleted}, {"Closed", StateClosed},
	}}
}

func documentSets() []Declaration {
	return []Declaration{
		{
			Set: root(setDocumentTypes, "Systems_Documents_DocumentType", "erp_document_types").
				code("Code").named("TypeName").display("{TypeName:T}").search("Code", "TypeName").
				with(
					text("Code", 16).required().can(CanEq|CanLike|CanOrder),
					ml("TypeName", 254).required(),
					text("EntityName", 64).required().can(CanEq|CanIn|CanOrder),
				),
		},
	}
}

// document declares an aggregate root with the document base.
func document(name, typ, table, lines string, state *EnumType) *Set {
	return root(name, typ, table).
		code("DocumentNo").display("{DocumentType.TypeName:T} {DocumentNo}").search("DocumentNo").
		child("Lines", lines).
		with(
			text("DocumentNo", 20).required().can(CanEq|CanLike|CanOrder),
			date("DocumentDate").required().from(FromDay).can(CanEq|CanRange|CanOrder),
			text("DocumentNotes", 0),
			enum("State", state).required().by("ChangeState").is(IntValue(StateNew)).can(CanEq|CanIn|CanRange),
			boolean("Void").required().by("MakeVoid").is(BoolValue(false)).can(CanEq),
			text("VoidReason", 254).by("MakeVoid"),
			text("EntityName", 64).required().readOnly(),
			datetime("CreationTime").required().readOnly().from(FromTime),
			text("CreationUser", 64).required().readOnly().from(FromLogin),
			datetime("ReleaseTime").readOnly(),
			datetime("CompleteTime").readOnly(),
			datetime("VoidTime").by("MakeVoid"),
			datetime("ReferenceDate").from(FromDay),
			text("ReferenceDocumentNo", 20).can(CanEq|CanLike),
			boolean("ReadOnly").required().readOnly().is(BoolValue(false)),
			computed("FullState", "{State}").explicit(),
			amount("TotalLineAmount", 18, 2, "DocumentCurrency").required().readOnly().explicit().is(IntValue(0)),
			amount("AmountToPay", 18, 2, "DocumentCurrency").required().readOnly().explicit().is(IntValue(0)),
			ref("DocumentType", setDocumentTypes).required(),
			ref("EnterpriseCompany", setEnterpriseCompanies).required(),
			ref("EnterpriseCompanyLocation", setLocations).required(),
			ref("FromParty", setParties).required(),
			ref("ToParty", setParties),
			ref("MasterDocument", name).required().readOnly(),
			ref("Parent", "Crm_Sales_SalesOrders"),
			ref("ResponsiblePerson", "General_Contacts_Persons"),
			ref("AssignedToUser", setUsers),
			ref("Customer", setCustomers).required(),
			ref("DocumentCurrency", setCurrencies).required(),
		).
		action("ChangeState", Parameter{"newState", "Edm.String"}, Parameter{"userStatus", "Erp.OpenObject"}).
		action("Complete", Parameter{"completion", "Edm.String"}).
		action("MakeVoid", Parameter{"reason", "Edm.String"}, Parameter{"voidType", "Edm.String"}, Parameter{"resetParentState", "Edm.Boolean"})
}

// prepareDocument fills what a new document needs and did not get: the first
// document type of its set, the first active company of ours and its location,
// the parties, the currency and the number.
func prepareDocument(c *Change) error {
	c.Put("EntityName", TextValue(c.Record.Set.Name))
	c.Put("MasterDocument", TextValue(c.Record.ID))
	if !c.Has("DocumentType") {
		if err := c.First("DocumentType", "EntityName", c.Get("EntityName")); err != nil {
			return err
		}
	}
	if !c.Has("EnterpriseCompany") {
		if err := c.Take("EnterpriseCompany", "Customer", "EnterpriseCompany"); err != nil {
			return err
		}
	}
	if !c.Has("EnterpriseCompany") {
		if err := c.First("EnterpriseCompany", "IsActive", BoolValue(true)); err != nil {
			return err
		}
	}
	if c.Has("EnterpriseCompany") {
		if err := prepareParties(c); err != nil {
			return err
		}
	}
	if !c.Has("ToParty") {
		if err := c.Take("ToParty", "Customer", "Party"); err != nil {
			return err
		}
	}
	if !c.Has("DocumentCurrency") {
		if err := c.Take("DocumentCurrency", "Customer", "DefaultCurrency"); err != nil {
			return err
		}
	}
	if !c.Has("DocumentCurrency") {
		if err := c.Take("DocumentCurrency", "EnterpriseCompany", "BaseCurrency"); err != nil {
			return err
		}
	}
	return c.AutoNumber("DocumentNo", "%010d", c.Get("DocumentType").Text)
}

func prepareParties(c *Change) error {
	company, err := c.Ref("EnterpriseCompany")
	if err != nil || company == nil {
		return err
	}
	party := company.Get(company.Set.mustHave("Company"))
	if !c.Has("FromParty") {
		c.Put("FromParty", Value{Text: party.Text, Int: partyCompany})
	}
	if c.Has("EnterpriseCompanyLocation") {
		return nil
	}
	return c.First("EnterpriseCompanyLocation", "Company", party)
}

// asDocument is the declaration of a document: what all of them do.
func asDocument(set *Set, prepare func(*Change) error) Declaration {
	return Declaration{
		Set: set, Prepare: prepare, Totals: documentTotals, Guard: guardDocument,
		Actions: map[string]func(*Change, *Object) error{
			"ChangeState": changeState,
			"Complete":    func(c *Change, _ *Object) error { return advance(c, StateCompleted) },
			"MakeVoid":    makeVoid,
		},
	}
}

// guardDocument refuses changes of documents that are past changing. The saved
// state decides: no write can change it but an action.
func guardDocument(c *Change) error {
	if c.SavedValue("Void").Int != 0 {
		return c.Fail("document " + c.Get("DocumentNo").Text + " is void and cannot be changed; create a new one.")
	}
	if state := c.SavedValue("State").Int; state >= StateReleased {
		return c.Fail(fmt.Sprintf("document %s is %s and cannot be changed; only documents before Released can.",
			c.Get("DocumentNo").Text, c.Property("State").Enum.MemberName(state)))
	}
	return nil
}

// changeState is ChangeState {"newState":"Released"}: the state only advances.
func changeState(c *Change, args *Object) error {
	states := c.Property("State").Enum
	v, _ := args.Get("newState")
	name, _ := v.(string)
	state, ok := states.Member(name)
	if !ok {
		return invalid("%s: ChangeState needs newState, one of %s.", c.Record.Set.Name, states.Names())
	}
	return advance(c, state)
}

// advance moves the document forward and notes when it was released and
// completed.
func advance(c *Change, state int64) error {
	if c.Get("Void").Int != 0 {
		return c.Fail("document " + c.Get("DocumentNo").Text + " is void; its state cannot change.")
	}
	now := c.Get("State").Int
	if state <= now {
		states := c.Property("State").Enum
		return c.Fail(fmt.Sprintf("document %s is %s; a state only advances, so it cannot become %s.",
			c.Get("DocumentNo").Text, states.MemberName(now), states.MemberName(state)))
	}
	at := IntValue(c.Now().UnixMicro())
	c.Put("State", IntValue(state))
	if now < StateReleased && state >= StateReleased {
		c.Put("ReleaseTime", at)
		c.Put("ReadOnly", BoolValue(true))
	}
	if now < StateCompleted && state >= StateCompleted {
		c.Put("CompleteTime", at)
	}
	return nil
}

// makeVoid is MakeVoid {"reason":"…","voidType":"VoidDocument"}.
func makeVoid(c *Change, args *Object) error {
	if c.Get("Void").Int != 0 {
		return c.Fail("document " + c.Get("DocumentNo").Text + " is void already.")
	}
	v, _ := args.Get("reason")
	reason, ok := v.(string)
	if !ok || reason == "" {
		return invalid("%s: MakeVoid needs a reason.", c.Record.Set.Name)
	}
	if err := c.Property("VoidReason").CheckLength(c.Record.Set, reason); err != nil {
		return err
	}
	c.Put("Void", BoolValue(true))
	c.Put("VoidReason", TextValue(reason))
	c.Put("VoidTime", IntValue(c.Now().UnixMicro()))
	c.Put("ReadOnly", BoolValue(true))
	return nil
}
