package erp

import (
	"fmt"

	"github.com/hybridapps/tandem"
)

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
			Set: Root(setDocumentTypes, "Systems_Documents_DocumentType", "erp_document_types").
				Unique("Code").
				Code("Code").Named("TypeName").Display("{TypeName:T}").Search("Code", "TypeName").
				With(
					Text("Code", 16).Required().Can(CanEq|CanLike|CanOrder),
					Multilingual("TypeName", 254).Required(),
					Text("EntityName", 64).Required().Can(CanEq|CanIn|CanOrder),
				),
		},
	}
}

// document declares an aggregate root with the document base.
func document(name, typ, table, lines string, state *EnumType) SetDeclaration {
	return Root(name, typ, table).
		Unique("DocumentNo", "DocumentType", "EnterpriseCompany").
		Code("DocumentNo").Display("{DocumentType.TypeName:T} {DocumentNo}").Search("DocumentNo").
		Child("Lines", lines).
		With(
			Text("DocumentNo", 20).Required().Can(CanEq|CanLike|CanOrder),
			Date("DocumentDate").Required().From(FromDay).Can(CanEq|CanRange|CanOrder),
			Text("DocumentNotes", 0),
			OneOf("State", state).Required().By("ChangeState").Is(IntValue(StateNew)).Can(CanEq|CanIn|CanRange),
			Bool("Void").Required().By("MakeVoid").Is(BoolValue(false)).Can(CanEq),
			Text("VoidReason", 254).By("MakeVoid"),
			Text("EntityName", 64).Required().ReadOnly(),
			DateTime("CreationTime").Required().ReadOnly().From(FromTime),
			Text("CreationUser", 64).Required().ReadOnly().From(FromLogin),
			DateTime("ReleaseTime").ReadOnly(),
			DateTime("CompleteTime").ReadOnly(),
			DateTime("VoidTime").By("MakeVoid"),
			DateTime("ReferenceDate").From(FromDay),
			Text("ReferenceDocumentNo", 20).Can(CanEq|CanLike),
			Bool("ReadOnly").Required().ReadOnly().Is(BoolValue(false)),
			Computed("FullState", "{State}").Explicit(),
			Amount("TotalLineAmount", 18, 2, "DocumentCurrency").Required().ReadOnly().Explicit().Is(IntValue(0)),
			Amount("AmountToPay", 18, 2, "DocumentCurrency").Required().ReadOnly().Explicit().Is(IntValue(0)),
			Ref("DocumentType", setDocumentTypes).Required(),
			Ref("EnterpriseCompany", setEnterpriseCompanies).Required(),
			Ref("EnterpriseCompanyLocation", setLocations).Required(),
			Ref("FromParty", setParties).Required(),
			Ref("ToParty", setParties),
			Ref("MasterDocument", name).Required().ReadOnly(),
			Ref("Parent", "Crm_Sales_SalesOrders"),
			Ref("ResponsiblePerson", "General_Contacts_Persons"),
			Ref("AssignedToUser", setUsers),
			Ref("Customer", setCustomers).Required(),
			Ref("DocumentCurrency", setCurrencies).Required(),
		).
		Action("ChangeState", Parameter{"newState", "Edm.String"}, Parameter{"userStatus", "Erp.OpenObject"}).
		Action("Complete", Parameter{"completion", "Edm.String"}).
		Action("MakeVoid", Parameter{"reason", "Edm.String"}, Parameter{"voidType", "Edm.String"}, Parameter{"resetParentState", "Edm.Boolean"})
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
func asDocument(set SetDeclaration, prepare func(*Change) error) Declaration {
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
		return tandem.Errorf(tandem.CodeInvalid, "%s: ChangeState needs newState, one of %s.", c.Record.Set.Name, states.Names())
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
		return tandem.Errorf(tandem.CodeInvalid, "%s: MakeVoid needs a reason.", c.Record.Set.Name)
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
