package erp

import (
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

const (
	setDocumentTypes = "Systems_Documents_DocumentTypes"
	setUserStatuses  = "Systems_Documents_DocumentTypeUserStatuses"
)

// The types of documents: what is decided for all documents of a type. ERP.net has
// user statuses; that a status is reached by itself below a limit, and that four eyes
// must see a document, are ours.

func documentTypeSets(state *model.Enum) []write.Declaration {
	return []write.Declaration{
		securityConditions(),
		{
			Set: model.Root(setDocumentTypes, "Systems_Documents_DocumentType", "erp_document_types").
				Guarded("AccessKey").ForEverybody(permission.Read).
				Unique("Code").
				Code("Code").Named("TypeName").Display("{TypeName:T}").Search("Code", "TypeName").
				Child("UserStatuses", setUserStatuses).Child("SecurityConditions", setSecurityConditions).
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("TypeName", 254).Required(),
					model.Text("EntityName", 64).Required().Can(eq|in|ord),
					model.Bool("FourEyes").Required().Is(model.BoolValue(false)),
					model.Amount("ApprovalLimit", 18, 2, "ApprovalCurrency"),
					model.Decimal("ApprovalDiscountLimit", 7, 6),
					model.Ref("ApprovalCurrency", setCurrencies),
					accessKey(),
				),
			Rules: []write.Rule{
				{Code: "TD1", Text: "ApprovalLimit cannot be negative, and needs a currency: set ApprovalCurrency.",
					Broken: func(c *write.Change) (bool, error) {
						return c.Has("ApprovalLimit") && (c.Get("ApprovalLimit").Int < 0 || !c.Has("ApprovalCurrency")), nil
					}},
				{Code: "TD2", Text: "ApprovalDiscountLimit must be between 0 and 1 (0.15 is 15 %).",
					Broken: func(c *write.Change) (bool, error) {
						limit := c.Get("ApprovalDiscountLimit").Int
						return limit < 0 || limit > 1000000, nil
					}},
			},
		},

		{
			Set: model.Part(setUserStatuses, "Systems_Documents_DocumentTypeUserStatus", "erp_document_type_user_statuses", "DocumentType").
				Named("UserStatusName").Display("{UserStatusName:T}").
				With(
					model.Multilingual("UserStatusName", 128).Required(),
					model.OneOf("State", state).Required().Can(eq),
					model.Int("DisplayOrder").Required().Is(model.IntValue(0)).Can(ord),
					model.Bool("IsExitStatus").Required().Is(model.BoolValue(true)),
					model.Bool("Active").Required().Is(model.BoolValue(true)),
					model.Ref("DocumentType", setDocumentTypes),
				),
		},
	}
}

// stateChanges declares what became of the documents of a set: a row for each state
// and user status that one got, and for its being made void.
func stateChanges(d *model.Set, owner string, state *model.Enum) write.Declaration {
	return write.Declaration{
		Set: model.Part(stateChangesOf(d.Name), singular(d.Name)+"StateChange", singular(d.Table)+"_state_changes", owner).
			With(
				model.OneOf("NewState", state).Required().Can(eq|in),
				model.DateTime("UpdateTime").Required().KeepTime().Can(ge|ord),
				model.Text("UpdateUser", 64).Required(),
				model.Bool("SystemInitiated").Required(),
				model.Bool("Void").Required(),
				model.Text("Notes", 254),
				model.Ref("UserStatus", setUserStatuses),
				model.Ref(owner, d.Name),
			).ReadOnly(),
	}
}

// stateChangesOf is the set of the state changes of a set of documents:
// Crm_Sales_SalesOrderStateChanges.
func stateChangesOf(documents string) string { return singular(documents) + "StateChanges" }

// singular is the name of one row of a set, or of a table.
func singular(name string) string {
	if base, ok := strings.CutSuffix(name, "ies"); ok {
		return base + "y"
	}
	return strings.TrimSuffix(name, "s")
}
