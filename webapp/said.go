package webapp

import (
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/site/words"
)

// Pages of customers speak their languages; those of employees are in English.

// words is the language of the reader.
func (who reader) words() words.Language { return words.Choose("", who.speaks, "") }

// language is that of the person who is here.
func (v *visit) language() words.Language { return readerOf(v.r).words() }

// english is a text that no customer sees.
func english(text string) words.Text { return words.Text{English: text} }

var stateWords = map[string]words.Text{
	"New": words.T("New"), "Adjustment": words.T("Adjustment"), "Planned": words.T("Planned"), "FirmPlanned": words.T("Firm planned"),
	"Released": words.T("Released"), "Completed": words.T("Completed"), "Closed": words.T("Closed"),
}

// documentState is the state of a document in words.
func (who reader) documentState(state string) string {
	if text, known := stateWords[state]; known {
		return who.words().Tell(text)
	}
	return apart(state)
}

var roles = map[internalapi.PortalRole]words.Text{
	internalapi.RoleBasic: words.T("Basic"), internalapi.RoleOrders: words.T("Orders"), internalapi.RoleOrdersWithPrices: words.T("Orders with prices"),
	internalapi.RoleBilling: words.T("Billing"), internalapi.RoleAdmin: words.T("Admin"), internalapi.RoleOwner: words.T("Owner"),
}

// role is a role of external access in words.
func (who reader) role(r internalapi.PortalRole) string {
	if text, known := roles[r]; known {
		return who.words().Tell(text)
	}
	return apart(string(r))
}
