package identity

import (
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
)

// ask notes the scope that was asked for.
func (q *request) ask(asked token.Asked) {
	if len(asked.Scope) > 0 {
		q.facts.Asked = asked.Scope.String()
	}
	if asked.Obsolete {
		q.facts.Dropped = append(q.facts.Dropped, tandem.Dropped{Scope: tandem.ScopeDomainAPI, Rule: tandem.RuleScopeObsolete})
	}
}

// resources are the values of the parameter resource, of which the first is noted.
func (q *request) resources() []string {
	asked := q.form.all("resource")
	if len(asked) > 0 {
		q.facts.Audience = tandem.Clip(asked[0], 200)
	}
	return asked
}

// of notes the person behind a grant, and how they proved who they are.
func (q *request) of(u *tandem.User, how token.Authentication) {
	q.facts.UserType, q.facts.AMR, q.facts.ACR = u.Type, how.Words(), how.ACR()
}

// family notes the grant and the number of its refresh token.
func (q *request) family(id string, generation int64) {
	if id != "" {
		q.facts.Family = id + "#" + strconv.FormatInt(generation, 10)
	}
}
