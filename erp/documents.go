package erp

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// Documents: what all of them have in common. What is sold with one, to whom and for
// how much, is in sale.go.

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

func documentState() *model.Enum {
	return &model.Enum{Name: "General_DocumentState", Members: []model.Member{
		{Name: "New", Value: StateNew}, {Name: "Adjustment", Value: StateAdjustment}, {Name: "Planned", Value: StatePlanned},
		{Name: "FirmPlanned", Value: StateFirm},
		{Name: "Released", Value: StateReleased}, {Name: "Completed", Value: StateCompleted}, {Name: "Closed", Value: StateClosed},
	}}
}

func documentSets() []write.Declaration {
	return []write.Declaration{
		{
			Set: model.Root(setDocumentTypes, "Systems_Documents_DocumentType", "erp_document_types").Guarded("AccessKey").ForEverybody(permission.Read).
				Unique("Code").
				Code("Code").Named("TypeName").Display("{TypeName:T}").Search("Code", "TypeName").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("TypeName", 254).Required(),
					model.Text("EntityName", 64).Required().Can(eq|in|ord),
					accessKey(),
				),
		},
	}
}

// document declares an aggregate root with the document base, and nothing that only
// some documents have.
func document(name, typ, table, lines string, state *model.Enum) model.SetDeclaration {
	return model.Root(name, typ, table).Guarded("AccessKey", "DocumentType.AccessKey", "EnterpriseCompany.AccessKey").
		Unique("DocumentNo", "DocumentType", "EnterpriseCompany").
		Code("DocumentNo").Display("{DocumentType.TypeName:T} {DocumentNo}").Search("DocumentNo", "ReferenceDocumentNo").
		Child("Lines", lines).
		With(
			model.Text("DocumentNo", 20).Required().Can(eq|like|ord),
			model.Date("DocumentDate").Required().From(model.FromDay).Can(eq|ge|ord),
			model.Text("DocumentNotes", 0),
			model.OneOf("State", state).Required().By("ChangeState").Is(model.IntValue(StateNew)).Can(eq|in|ge),
			model.Bool("Void").Required().By("MakeVoid").Is(model.BoolValue(false)).Can(eq),
			model.Text("VoidReason", 254).By("MakeVoid"),
			model.Text("EntityName", 64).Required().ReadOnly(),
			model.DateTime("CreationTime").Required().ReadOnly().From(model.FromTime),
			model.Text("CreationUser", 64).Required().ReadOnly().From(model.FromLogin),
			model.DateTime("ReleaseTime").ReadOnly(),
			model.DateTime("CompleteTime").ReadOnly(),
			model.DateTime("VoidTime").By("MakeVoid"),
			model.DateTime("ReferenceDate").From(model.FromDay),
			model.Text("ReferenceDocumentNo", 20).Can(eq|like),
			model.Bool("ReadOnly").Required().ReadOnly().Is(model.BoolValue(false)),
			model.Computed("FullState", "{State}").Explicit(),
			model.Ref("DocumentType", setDocumentTypes).Required(),
			model.Ref("EnterpriseCompany", setEnterpriseCompanies).Required(),
			model.Ref("EnterpriseCompanyLocation", setLocations).Required(),
			model.Ref("FromParty", setParties).Required(),
			model.Ref("ToParty", setParties),
			model.Ref("MasterDocument", name).Required().ReadOnly(),
			model.Ref("Parent", "Crm_Sales_SalesOrders"),
			model.Ref("ResponsiblePerson", "General_Contacts_Persons"),
			model.Ref("AssignedToUser", setUsers),
			accessKey(),
		).
		Action("ChangeState", model.Parameter{Name: "newState", Type: "Edm.String"}, model.Parameter{Name: "userStatus", Type: "Erp.OpenObject"}).
		Action("Complete", model.Parameter{Name: "completion", Type: "Edm.String"}).
		Action("MakeVoid", model.Parameter{Name: "reason", Type: "Edm.String"}, model.Parameter{Name: "voidType", Type: "Edm.String"},
			model.Parameter{Name: "resetParentState", Type: "Edm.Boolean"})
}

// prepareDocument fills what a new document needs and did not get: the first
// document type of its set, the first active company of ours and its location, the
// party, and the number.
func prepareDocument(c *write.Change) error {
	c.Put("EntityName", model.TextValue(c.Record.Set.Name))
	c.Put("MasterDocument", model.TextValue(c.Record.ID))
	if !c.Has("DocumentType") {
		if err := c.First("DocumentType", "EntityName", c.Get("EntityName")); err != nil {
			return err
		}
	}
	if !c.Has("EnterpriseCompany") {
		if err := c.First("EnterpriseCompany", "IsActive", model.BoolValue(true)); err != nil {
			return err
		}
	}
	if c.Has("EnterpriseCompany") {
		if err := prepareParties(c); err != nil {
			return err
		}
	}
	return c.AutoNumber("DocumentNo", "%010d", c.Get("DocumentType").Text)
}

func prepareParties(c *write.Change) error {
	company, err := c.Ref("EnterpriseCompany")
	if err != nil || company == nil {
		return err
	}
	party := company.Get(company.Set.Must("Company"))
	if !c.Has("FromParty") {
		c.Put("FromParty", model.Value{Text: party.Text, Int: partyCompany})
	}
	if c.Has("EnterpriseCompanyLocation") {
		return nil
	}
	return c.First("EnterpriseCompanyLocation", "Company", party)
}

// asDocument is the declaration of a document: what all of them do.
func asDocument(set model.SetDeclaration, prepare func(*write.Change) error) write.Declaration {
	return write.Declaration{
		Set: set, Prepare: prepare, Guard: guardDocument,
		Actions: map[string]func(*write.Change, *write.Arguments) error{
			"ChangeState": changeState,
			"Complete":    complete,
			"MakeVoid":    makeVoid,
		},
	}
}

// guardDocument refuses changes of documents that are past changing. The saved
// state decides: no write can change it but an action.
func guardDocument(c *write.Change) error {
	if c.SavedValue("Void").Int != 0 {
		return c.Fail("document %s is void and cannot be changed; create a new one.", c.Get("DocumentNo").Text)
	}
	if state := c.SavedValue("State").Int; state >= StateReleased {
		return c.Fail("document %s is %s and cannot be changed; only documents before Released can.",
			c.Get("DocumentNo").Text, c.Property("State").Enum.MemberName(state))
	}
	return nil
}

// changeState is ChangeState {"newState":"Released"}: the state only advances.
func changeState(c *write.Change, args *write.Arguments) error {
	states := c.Property("State").Enum
	name, err := args.Text("newState")
	if err != nil {
		return err
	}
	if err := args.Without("userStatus", "documents have no user statuses here: leave it out"); err != nil {
		return err
	}
	state, ok := states.Member(name)
	if !ok {
		return tandem.Errorf(tandem.CodeInvalid, "%s: ChangeState needs newState, one of %s.", c.Record.Set.Name, states.Names())
	}
	return advance(c, state)
}

// complete is Complete {"completion":"OnlyDocument"}.
func complete(c *write.Change, args *write.Arguments) error {
	if err := args.Only("completion", "complete the documents that follow from this one by themselves", "OnlyDocument"); err != nil {
		return err
	}
	return advance(c, StateCompleted)
}

// advance moves the document forward and notes when it was released and
// completed.
func advance(c *write.Change, state int64) error {
	if c.Get("Void").Int != 0 {
		return c.Fail("document %s is void; its state cannot change.", c.Get("DocumentNo").Text)
	}
	now := c.Get("State").Int
	if state <= now {
		states := c.Property("State").Enum
		return c.Fail("document %s is %s; a state only advances, so it cannot become %s.",
			c.Get("DocumentNo").Text, states.MemberName(now), states.MemberName(state))
	}
	at := model.IntValue(c.Now().UnixMicro())
	c.Put("State", model.IntValue(state))
	if now < StateReleased && state >= StateReleased {
		c.Put("ReleaseTime", at)
		c.Put("ReadOnly", model.BoolValue(true))
	}
	if now < StateCompleted && state >= StateCompleted {
		c.Put("CompleteTime", at)
	}
	return nil
}

// makeVoid is MakeVoid {"reason":"…","voidType":"VoidDocument"}.
func makeVoid(c *write.Change, args *write.Arguments) error {
	if err := args.Only("voidType", "void the documents that follow from this one by themselves, before it", "VoidDocument"); err != nil {
		return err
	}
	if err := keepParentState(c, args); err != nil {
		return err
	}
	if c.Get("Void").Int != 0 {
		return c.Fail("document %s is void already.", c.Get("DocumentNo").Text)
	}
	reason, err := args.Text("reason")
	if err != nil {
		return err
	}
	if reason == "" {
		return tandem.Errorf(tandem.CodeInvalid, "%s: MakeVoid needs a reason.", c.Record.Set.Name)
	}
	if err := c.Property("VoidReason").CheckLength(c.Record.Set, reason); err != nil {
		return err
	}
	c.Put("Void", model.BoolValue(true))
	c.Put("VoidReason", model.TextValue(reason))
	c.Put("VoidTime", model.IntValue(c.Now().UnixMicro()))
	c.Put("ReadOnly", model.BoolValue(true))
	return nil
}

// keepParentState refuses a resetParentState that would mean something: a state
// only advances, and that of a document that this one follows from stays.
func keepParentState(c *write.Change, args *write.Arguments) error {
	reset, err := args.Bool("resetParentState")
	if err != nil || !reset || !c.Has("Parent") {
		return err
	}
	return args.Without("resetParentState", "the state of the document that this one follows from stays as it is: send false")
}
