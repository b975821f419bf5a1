package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// ExternalAccess is what an external person may see of a customer.
type ExternalAccess struct {
	Login, Customer, CustomerName string
	// Role is Basic, Orders, OrdersWithPrices, Billing, Admin or Owner; each sees
	// what those before it see.
	Role string
	// DaysBack is how many days back documents are shown; nil is without limit.
	DaysBack *int
}

const (
	setERPCustomers = "Crm_Sales_Customers"
	setERPAccess    = "Crm_Sales_CustomerExternalAccess"
)

// externals administers who of the outside may see what of the customers.
type externals struct {
	*Administration
	model *write.Model
	by    write.Actor
}

func (a *Administration) externals(ctx context.Context, by tandem.By) (*externals, error) {
	x := &externals{a, erpModel(), platformActor(by)}
	return x, a.erpStore(x.model).FollowUsers(ctx, a.users)
}

// AddExternalAccess lets an external person act for a customer, or changes what
// they may see of it. The worker sees the change within seconds.
func (a *Administration) AddExternalAccess(ctx context.Context, by tandem.By, e ExternalAccess) (ExternalAccess, error) {
	if e.Role == "" {
		return e, tandem.Errorf(tandem.CodeInvalid, "say which role %s has for the customer", e.Login)
	}
	x, u, err := a.external(ctx, by, &e)
	if err != nil {
		return e, err
	}
	err = x.erpStore(x.model).Transact(ctx, func(tx write.Tx) error { return x.put(tx, &u, &e) })
	if err != nil {
		return e, err
	}
	what := fmt.Sprintf("gave %s the role %s for the customer %s", e.Login, e.Role, e.Customer)
	if err := x.note(ctx, by, tandem.Facts{User: u.ID, Subject: subject(&u)}, what); err != nil {
		return e, err
	}
	all, err := a.ListExternalAccess(ctx, e.Login)
	if err != nil {
		return e, err
	}
	if at := slices.IndexFunc(all, func(made ExternalAccess) bool { return made.Customer == e.Customer }); at >= 0 {
		return all[at], nil
	}
	return e, nil // somebody has taken it away again
}

// external finds the account of an access, and the role as it is written. An access that is
// taken away has none, and may be anybody's.
func (a *Administration) external(ctx context.Context, by tandem.By, e *ExternalAccess) (x *externals, u tandem.User, err error) {
	if x, err = a.externals(ctx, by); err != nil {
		return x, u, err
	}
	if e.Role == "" {
		u, err = a.Accounts.Show(ctx, e.Login)
		return x, u, err
	}
	if u, err = x.person(ctx, e.Login); err != nil {
		return x, u, err
	}
	roles := x.model.Set(setERPAccess).Must("Role").Enum
	at := slices.IndexFunc(roles.Members, func(m model.Member) bool { return strings.EqualFold(m.Name, e.Role) })
	if at < 0 {
		return x, u, tandem.Errorf(tandem.CodeInvalid, "there is no role %q; use one of %s", tandem.Clip(e.Role, 40), roles.Names())
	}
	e.Role = roles.Members[at].Name
	return x, u, nil
}

// put makes an access, changes it, or without a role takes it away.
func (x *externals) put(tx write.Tx, u *tandem.User, e *ExternalAccess) error {
	customer, err := x.customer(tx, e.Customer)
	if err != nil {
		return err
	}
	there, err := x.rows(tx, u.ID, customer.ID)
	if err != nil {
		return err
	}
	w := write.NewWriter(x.model, x.by).In(tx, x.config.Clock.Now())
	switch {
	case e.Role == "" && len(there) == 0:
		return tandem.Errorf(tandem.CodeNotFound,
			"%s has no access to the customer %s; tandem access external list %[1]s shows what there is", e.Login, e.Customer)
	case e.Role == "":
		return w.Delete(there[0], write.Condition{})
	}
	row := (&write.Object{}).Set("Role", e.Role).Set("DaysBackAccess", nil)
	if e.DaysBack != nil {
		row.Set("DaysBackAccess", json.Number(strconv.Itoa(*e.DaysBack)))
	}
	if len(there) > 0 {
		_, err = w.Update(there[0], write.Condition{}, row)
		return err
	}
	row.Set("User", (&write.Object{}).Set("@odata.id", "Systems_Security_Users("+u.ID+")"))
	_, err = w.CreateChild(customer, write.Condition{}, customer.Set.Child("ExternalAccess"), row)
	return err
}

// has is what a person sees of a customer; zero for nothing.
func (x *externals) has(tx write.Tx, u *tandem.User, number string) (e ExternalAccess, err error) {
	customer, err := x.customer(tx, number)
	if err != nil {
		return e, err
	}
	there, err := x.rows(tx, u.ID, customer.ID)
	if err != nil || len(there) == 0 {
		return e, err
	}
	return x.read(tx, there[0])
}

// RemoveExternalAccess takes a customer away from an external person.
func (a *Administration) RemoveExternalAccess(ctx context.Context, by tandem.By, login, number string) error {
	e := ExternalAccess{Login: login, Customer: number}
	x, u, err := a.external(ctx, by, &e)
	if err != nil {
		return err
	}
	err = x.erpStore(x.model).Transact(ctx, func(tx write.Tx) error { return x.put(tx, &u, &e) })
	if err != nil {
		return err
	}
	return x.note(ctx, by, tandem.Facts{User: u.ID, Subject: subject(&u)}, fmt.Sprintf("took the customer %s from %s", number, login))
}

// ListExternalAccess tells what an external person may see, by customers.
func (a *Administration) ListExternalAccess(ctx context.Context, login string) (all []ExternalAccess, err error) {
	x, err := a.externals(ctx, a.config.By)
	if err != nil {
		return nil, err
	}
	u, err := a.Accounts.Show(ctx, login)
	if err != nil {
		return nil, err
	}
	err = x.erpStore(x.model).Transact(ctx, func(tx write.Tx) error {
		all = nil
		there, err := x.rows(tx, u.ID, "")
		if err != nil {
			return err
		}
		for _, e := range there {
			one, err := x.read(tx, e)
			if err != nil {
				return err
			}
			one.Login = u.Login
			all = append(all, one)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b ExternalAccess) int { return strings.Compare(a.Customer, b.Customer) })
	return all, err
}

// person is an account that can have access as an external one.
func (x *externals) person(ctx context.Context, login string) (tandem.User, error) {
	u, err := x.Accounts.Show(ctx, login)
	if err == nil && u.Type != tandem.ExternalCommunityUser {
		err = tandem.Errorf(tandem.CodeRule,
			"%s is a %s; only external users are given customers: tandem user create LOGIN --type external", login, u.Type)
	}
	return u, err
}

func (x *externals) customer(tx write.Tx, number string) (model.Entity, error) {
	set := x.model.Set(setERPCustomers)
	found, err := tx.Find(&query.Query{Set: set, Limit: 1, Where: query.Equal(set.Must("Number"), model.TextValue(number))})
	if err != nil {
		return model.Entity{}, err
	}
	if len(found) == 0 {
		return model.Entity{}, tandem.Errorf(tandem.CodeNotFound, "there is no customer with the number %q", tandem.Clip(number, 40))
	}
	return found[0], nil
}

// maxExternal is how many customers of one person are shown.
const maxExternal = 1000

// rows are those of a person, for one customer or all.
func (x *externals) rows(tx write.Tx, userID, customerID string) ([]model.Entity, error) {
	set := x.model.Set(setERPAccess)
	where := query.And{query.Equal(set.Must("User"), model.TextValue(userID))}
	if customerID != "" {
		where = append(where, query.Equal(set.Must("Customer"), model.TextValue(customerID)))
	}
	return tx.Find(&query.Query{Set: set, Limit: maxExternal, Where: where})
}

func (x *externals) read(tx write.Tx, e model.Entity) (one ExternalAccess, err error) {
	row, err := tx.Load(e.Set, e.ID, false)
	if err != nil {
		return one, err
	}
	role := e.Set.Must("Role")
	one.Role = role.Enum.MemberName(row.Get(role).Int)
	if days := row.Get(e.Set.Must("DaysBackAccess")); !days.Null {
		n := int(days.Int)
		one.DaysBack = &n
	}
	customers := x.model.Set(setERPCustomers)
	customer, err := tx.Load(customers, row.Get(e.Set.Must("Customer")).Text, false)
	if err != nil {
		return one, err
	}
	one.Customer = customer.Get(customers.Must("Number")).Text
	party, err := tx.Load(customers.Must("Party").Target, customer.Get(customers.Must("Party")).Text, false)
	if err != nil {
		return one, err
	}
	one.CustomerName = model.Translation(party.Get(party.Set.Must("PartyName")).Text, model.DefaultLanguage)
	return one, nil
}
