package data_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// What a parameter of an action asks for is done or refused, and never ignored.
func TestParametersOfActions(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		parent := s.create(orders, `{"Customer":{"Number":"C1"}}`)
		create := func(more string) func(action, args string) error {
			order := s.create(orders, `{"Customer":{"Number":"C1"}`+more+`}`)
			return func(action, args string) error {
				return failure(s.Do(t.Context(), s.by, order, write.Condition{}, action, object(t, args)))
			}
		}
		do := create("")
		status := `"userStatus":{"@odata.id":"Systems_Documents_DocumentTypeUserStatuses(7f000000-0000-4000-8000-000000000001)"}`
		refused(t, do("ChangeState", `{"newState":"Planned",`+status+`}`), tandem.CodeRule, "UserStatus: Systems_Documents_DocumentTypeUserStatuses: Object not found")
		for _, c := range []struct{ action, args, why string }{
			{"ChangeState", `{"newState":"Planned","userStatus":"Approved"}`, "userStatus of ChangeState names a row"},
			{"ChangeState", `{"newState":"Planned","userStatus":{"@odata.id":"Crm_Sales_Customers(7f000000-0000-4000-8000-000000000001)"}}`, "UserStatus of Crm_Sales_SalesOrders refers to"},
			{"ChangeState", `{"newState":"Planned","notes":"` + strings.Repeat("n", 255) + `"}`, "Notes has 255 characters"},
			{"ChangeState", `{"newState":1}`, "newState of ChangeState must be a text"},
			{"ChangeState", `{"newState":"Planned","completion":"OnlyDocument"}`, `ChangeState has no parameter "completion"`},
			{"Complete", `{"completion":"WithAllChildren"}`, "completion of Complete can be OnlyDocument and nothing else"},
			{"Complete", `{"completion":"onlydocument"}`, "completion of Complete can be OnlyDocument"},
			{"Complete", `{"completion":true}`, "completion of Complete must be a text"},
			{"MakeVoid", `{"reason":"x","voidType":"VoidWithSubDocuments"}`, "voidType of MakeVoid can be VoidDocument and nothing else"},
			{"MakeVoid", `{"reason":"x","voidType":["VoidDocument"]}`, "voidType of MakeVoid must be a text"},
			{"MakeVoid", `{"reason":"x","resetParentState":"yes"}`, "resetParentState of MakeVoid must be true or false"},
			{"MakeVoid", `{"reason":7}`, "reason of MakeVoid must be a text"},
		} {
			refused(t, do(c.action, c.args), tandem.CodeInvalid, c.why)
		}
		must(t, do("ChangeState", `{"newState":"Planned","userStatus":null}`))
		must(t, do("Complete", `{"completion":"OnlyDocument"}`))
		must(t, do("MakeVoid", `{"reason":"x","voidType":"VoidDocument","resetParentState":true}`)) // it follows from none
		follows := create(fmt.Sprintf(`,"Parent":{"@odata.id":%q}`, parent))
		refused(t, follows("MakeVoid", `{"reason":"x","resetParentState":true}`), tandem.CodeInvalid, "resetParentState of MakeVoid is not offered")
		must(t, follows("MakeVoid", `{"reason":"x","voidType":null,"resetParentState":false}`))
	})
}
