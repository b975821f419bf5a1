package erp

import (
	"cmp"
	"slices"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const setSecurityConditions = "Systems_Documents_DocumentTypeSecurityConditions"

// Security conditions give a document its key: the first condition of its type that it
// meets, by their priority. ERP.net keeps them as XML of its own; here a condition is a
// $filter.

func securityConditions() write.Declaration {
	priority := &model.Enum{Name: "Systems_Documents_DocumentTypeSecurityCondition_Priority", Members: []model.Member{
		{Name: "Lowest", Value: 1}, {Name: "Low", Value: 2}, {Name: "Medium", Value: 3}, {Name: "High", Value: 4}, {Name: "Highest", Value: 5},
	}}
	return write.Declaration{
		Set: model.Part(setSecurityConditions, "Systems_Documents_DocumentTypeSecurityCondition",
			"erp_document_type_security_conditions", "DocumentType").
			Display("{Description}").
			With(
				model.Text("Description", 254).Required().Can(eq|like|ord),
				model.Text("ConditionFilter", 0).Required(),
				model.OneOf("Priority", priority).Required().Is(model.IntValue(3)).Can(ge),
				model.Ref("DocumentAccessKey", setAccessKeys).Required(),
				model.Ref("DocumentType", setDocumentTypes),
			),
		Compute: checkCondition,
		Remove:  mayCondition,
	}
}

// mayCondition refuses somebody who may not give documents the key: a condition does.
func mayCondition(c *write.Change) error { return c.PermittedToKey("DocumentAccessKey") }

// checkCondition refuses a condition that no document of the type could meet, or a key
// that none could have.
func checkCondition(c *write.Change) error {
	if err := mayCondition(c); err != nil {
		return err
	}
	documentType, err := c.Ref("DocumentType")
	if err != nil || !c.Has("ConditionFilter") {
		return err
	}
	name := get(documentType, "EntityName").Text
	documents := c.Record.Set.Model().Set(name)
	if documents == nil || documents.Property("DocumentType") == nil {
		return c.Fail("%s, whose documents the type is for, is no set of documents.", name)
	}
	if err := c.CheckFilter(documents, c.Get("ConditionFilter").Text); err != nil {
		return err
	}
	key, err := c.Ref("DocumentAccessKey")
	if err != nil || key == nil {
		return err
	}
	if of := get(key, "EntityName").Text; of != name || !get(key, "EntityId").Null {
		return c.Fail("DocumentAccessKey is a key for rows of %s, or for one row alone; make one for %s.", of, name)
	}
	return nil
}

// secure gives a document that has no key the one of the first condition that it meets,
// until it is released. Whoever enters it need not hold that key.
func secure(c *write.Change) error {
	if c.Action() != "" || c.Has("AccessKey") || c.Get("State").Int >= StateReleased {
		return nil
	}
	documentType, err := c.Ref("DocumentType")
	if err != nil || documentType == nil {
		return err
	}
	all, err := c.Parts(documentType, "SecurityConditions")
	if err != nil {
		return err
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b *model.Record) int {
		return cmp.Or(cmp.Compare(get(b, "Priority").Int, get(a, "Priority").Int), cmp.Compare(get(a, "Description").Text, get(b, "Description").Text))
	})
	for _, condition := range all {
		meets, err := c.Matches(get(condition, "ConditionFilter").Text)
		if err != nil {
			return err
		}
		if meets {
			c.Put("AccessKey", get(condition, "DocumentAccessKey"))
			return nil
		}
	}
	return nil
}
