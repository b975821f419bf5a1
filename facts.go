package tandem

import "encoding/json"

// Facts are what a decision was made by, beside the words of an [AuditEvent]: names
// and ids, and never a value of a row. They are for administrators, who may know
// keys and rows that whoever was refused may not.
type Facts struct {
	// Rule is which of our rules decided; see the constants.
	Rule Rule `json:"r,omitempty"`
	// Method and Path are the call's, without its query.
	Method string `json:"m,omitempty"`
	Path   string `json:"p,omitempty"`
	// Set, Attribute and Need are what was asked for: an entity set, an attribute of
	// it, and the name of a right or a scope.
	Set       string `json:"set,omitempty"`
	Attribute string `json:"attr,omitempty"`
	Need      string `json:"need,omitempty"`
	// Guard is the path to the key that guards the row, Key that key's id, and Row the
	// row as Set(id).
	Guard string `json:"guard,omitempty"`
	Key   string `json:"key,omitempty"`
	Row   string `json:"row,omitempty"`
	// Scope is what the token was granted.
	Scope string `json:"got,omitempty"`
	// Person is the user id that the call was narrowed to.
	Person string `json:"narrow,omitempty"`
	// Group and User are the ids of the group that was granted the Key, or into which
	// the user was put; Self says that this was for who did it.
	Group string `json:"group,omitempty"`
	User  string `json:"user,omitempty"`
	Self  bool   `json:"self,omitempty"`
}

// Rule names what decides. The names are stable: they are stored.
type Rule string

// The rules by which the API refuses.
const (
	// RuleScope: the token has not the scope. RuleKind: the API is not for such an
	// account, or such a call.
	RuleScope Rule = "scope.missing"
	RuleKind  Rule = "call.kind"
	// RuleSet: no group of the account has the right on the set's key. RuleAttribute:
	// the same for an attribute's. RuleLimited: the right to update the set is for
	// other attributes. RuleRow: the same as RuleSet for a key that guards the row.
	// RuleKey: only who administers the row's key changes it. RuleType: a right on the
	// key of a document's type.
	RuleSet       Rule = "right.set"
	RuleAttribute Rule = "right.attribute"
	RuleLimited   Rule = "right.limited"
	RuleRow       Rule = "right.row"
	RuleKey       Rule = "right.key"
	RuleType      Rule = "right.type"
	// RuleAbility: the key of an ability is granted to others.
	RuleAbility Rule = "right.ability"
)

// The deeds by which rights are given: a right on a key to a group, and a group to an
// account.
const (
	RuleGranted Rule = "access.granted"
	RuleMember  Rule = "access.member"
)

// JSON is how facts are stored.
func (f *Facts) JSON() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}

// ParseFacts reads what [Facts.JSON] wrote; the empty text has none.
func ParseFacts(text string) (f Facts, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &f)
	}
	return f, err
}
