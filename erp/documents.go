package erp

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

func documentSets() []*Set {
	return []*Set{
		root(setDocumentTypes, "Systems_Documents_DocumentType", "erp_document_types").
			code("Code").named("TypeName").display("{TypeName:T}").search("Code", "TypeName").
			with(
				text("Code", 16).required().can(CanEq|CanLike|CanOrder),
				ml("TypeName", 254).required(),
				text("EntityName", 64).required().can(CanEq|CanIn|CanOrder),
			),
	}
}

// document declares an aggregate root with the document base.
func document(name, typ, table, lines string, state *EnumType) *Set {
	s := root(name, typ, table).
		code("DocumentNo").display("{DocumentType.TypeName:T} {DocumentNo}").search("DocumentNo").
		child("Lines", lines).
		with(
			text("DocumentNo", 20).required().can(CanEq|CanLike|CanOrder),
			date("DocumentDate").required().by(today).can(CanEq|CanRange|CanOrder),
			text("DocumentNotes", 0),
			enum("State", state).required().readOnly().is(IntValue(StateNew)).can(CanEq|CanIn|CanRange),
			boolean("Void").required().readOnly().is(BoolValue(false)).can(CanEq),
			text("VoidReason", 254).readOnly(),
			text("EntityName", 64).required().readOnly(),
			datetime("CreationTime").required().readOnly().by(instant),
			text("CreationUser", 64).required().readOnly().by(creator),
			datetime("ReleaseTime").readOnly(),
			datetime("CompleteTime").readOnly(),
			datetime("VoidTime").readOnly(),
			datetime("ReferenceDate").by(today),
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
		prepare(prepareDocument).totals(documentTotals)
	s.Document = true
	return s
}

// prepareDocument fills what a new document needs and did not get: the first
// document type of its set, the first active company of ours and its location,
// the parties, the currency and the number.
func prepareDocument(c *Change) error {
	c.Put("EntityName", TextValue(c.Record.Set.Name))
	c.Put("MasterDocument", TextValue(c.Record.ID))
	if !c.Has("DocumentType") {
		if err := c.first("DocumentType", "EntityName", c.Get("EntityName")); err != nil {
			return err
		}
	}
	if !c.Has("EnterpriseCompany") {
		if err := c.take("EnterpriseCompany", "Customer", "EnterpriseCompany"); err != nil {
			return err
		}
	}
	if !c.Has("EnterpriseCompany") {
		if err := c.first("EnterpriseCompany", "IsActive", BoolValue(true)); err != nil {
			return err
		}
	}
	if c.Has("EnterpriseCompany") {
		if err := prepareParties(c); err != nil {
			return err
		}
	}
	if !c.Has("ToParty") {
		if err := c.take("ToParty", "Customer", "Party"); err != nil {
			return err
		}
	}
	if !c.Has("DocumentCurrency") {
		if err := c.take("DocumentCurrency", "Customer", "DefaultCurrency"); err != nil {
			return err
		}
	}
	if !c.Has("DocumentCurrency") {
		if err := c.take("DocumentCurrency", "EnterpriseCompany", "BaseCurrency"); err != nil {
			return err
		}
	}
	return c.autoNumber("DocumentNo", "%010d", c.Get("DocumentType").Text)
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
	return c.first("EnterpriseCompanyLocation", "Company", party)
}
