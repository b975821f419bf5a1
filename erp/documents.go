package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Documents: what all of them have in common. What is sold with one, to whom and for
// how much, is in sale.go.

// document declares an aggregate root with the document base, and nothing that only
// some documents have. parent is the set of the documents that such ones follow from.
func document(name, typ, table, parent string, state *model.Enum) model.SetDeclaration {
	return model.Root(name, typ, table).Guarded("AccessKey", "DocumentType.AccessKey", "EnterpriseCompany.AccessKey").
		Unique("DocumentNo", "DocumentType", "EnterpriseCompany").
		Code("DocumentNo").Display("{DocumentType.TypeName:T} {DocumentNo}").Search("DocumentNo", "ReferenceDocumentNo").
		Child("StateChanges", stateChangesOf(name)).
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
			model.Text("LinesUpdateUser", 64).ReadOnly().Explicit(),
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
			model.Ref("Parent", parent),
			model.Ref("ResponsiblePerson", setPersons),
			model.Ref("AssignedToUser", setUsers),
			model.Ref("UserStatus", setUserStatuses).By("ChangeState"),
			accessKey(),
		).
		Action("ChangeState", model.Parameter{Name: "newState", Type: "Edm.String"}, model.Parameter{Name: "userStatus", Type: "Erp.OpenObject"},
			model.Parameter{Name: "notes", Type: "Edm.String"}).
		Function("GetAllowedStates").
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
	if knows, err := c.Knows(company, "Company"); err != nil || !knows {
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
		Set: set, Prepare: prepare, Guard: guardDocument, Totals: approve, Finish: secure, Rules: documentRules, OwnRights: true,
		Actions: map[string]func(*write.Change, *write.Arguments) error{
			"ChangeState": changeState,
			"Complete":    complete,
			"MakeVoid":    makeVoid,
		},
		Functions: map[string]write.Function{"GetAllowedStates": {Shows: []string{"State", "Void"}, Answer: allowedStates}},
	}
}

var documentRules = []write.Rule{
	{Code: "TD3", Text: "DocumentType must be a type of such documents: choose one whose EntityName is the name of their set.",
		Broken: func(c *write.Change) (bool, error) {
			if !c.New && !c.Touched("DocumentType") {
				return false, nil
			}
			documentType, err := c.Ref("DocumentType")
			return err == nil && get(documentType, "EntityName").Text != c.Record.Set.Name, err
		}},
}

// guardDocument refuses changes of documents that are past changing. Who sees a document
// is no part of what it says, and can be changed as long as it is there.
func guardDocument(c *write.Change) error {
	if !c.GuardsParts() && !c.ChangesBeside("AccessKey") {
		return nil
	}
	return pastChanging(c)
}

// pastChanging refuses a document whose state, or being void, lets nothing that it says be
// changed. The saved state decides: no write can change it but an action.
func pastChanging(c *write.Change) error {
	void, state := c.SavedValue("Void").Int != 0, c.SavedValue("State").Int
	switch {
	case !void && state < StateReleased:
		return nil
	case void && c.Tells("Void"):
		return c.Fail("%s is void and cannot be changed; create a new one.", called(c))
	case state >= StateReleased && c.Tells("State"):
		return c.Fail("%s is %s and cannot be changed; only documents before Released can.", called(c), c.Property("State").Enum.MemberName(state))
	}
	return c.Fail("%s cannot be changed any more.", called(c))
}

// called is how a refusal calls a document, to who may read its number.
func called(c *write.Change) string {
	if !c.Tells("DocumentNo") {
		return "this document"
	}
	return "document " + c.Get("DocumentNo").Text
}
