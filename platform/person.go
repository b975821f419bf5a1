package platform

import (
	"context"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setERPUsers   = "Systems_Security_Users"
	setERPPersons = "General_Contacts_Persons"
)

// Person is the person of the ERP that an account is: whose visits are its own.
type Person struct{ ID, Code, Name string }

// PersonOf is the person that an account is; zero for none.
func (a *Administration) PersonOf(ctx context.Context, login string) (p Person, err error) {
	x, err := a.externals(ctx, a.config.By)
	if err != nil {
		return p, err
	}
	u, err := a.Accounts.Show(ctx, login)
	if err != nil {
		return p, err
	}
	err = x.erpStore(x.model).Transact(ctx, func(tx write.Tx) error {
		p, err = x.personOf(tx, u.ID)
		return err
	})
	return p, err
}

// SetPerson says which person of the ERP an account is, by the code of the party or by
// Id; an empty one says that it is none. It acts on the next call of the account.
func (a *Administration) SetPerson(ctx context.Context, by tandem.By, login, which string) (p Person, err error) {
	x, err := a.externals(ctx, by)
	if err != nil {
		return p, err
	}
	u, err := a.Accounts.Show(ctx, login)
	if err != nil {
		return p, err
	}
	var before Person
	store := x.erpStore(x.model)
	err = store.Transact(ctx, func(tx write.Tx) error {
		if before, err = x.personOf(tx, u.ID); err != nil || which == "" {
			return err
		}
		p, err = x.findPerson(tx, which)
		return err
	})
	if err != nil || before == p {
		return p, err
	}
	if err := store.SetPerson(ctx, u.ID, p.ID); err != nil {
		return p, err
	}
	f := tandem.Facts{User: u.ID, Subject: subject(&u)}
	f.Changed(before.attributes(), p.attributes())
	what := fmt.Sprintf("said that %s is the person %s, %s", login, p.Code, p.Name)
	if p.ID == "" {
		what = fmt.Sprintf("said that %s is no person of the ERP", login)
	}
	return p, x.note(ctx, by, f, what)
}

func (p Person) attributes() tandem.Attributes {
	return tandem.Attributes{"person": p.ID, "person_code": p.Code}
}

// personOf is the person of an account in the ERP's copy.
func (x *externals) personOf(tx write.Tx, userID string) (Person, error) {
	users := x.model.Set(setERPUsers)
	r, err := tx.Load(users, userID, false)
	if err != nil {
		return Person{}, err
	}
	of := r.Get(users.Must("Person"))
	if of.Null {
		return Person{}, nil
	}
	return x.loadPerson(tx, of.Text)
}

func (x *externals) loadPerson(tx write.Tx, id string) (Person, error) {
	persons := x.model.Set(setERPPersons)
	r, err := tx.Load(persons, id, false)
	if err != nil {
		return Person{}, err
	}
	return Person{r.ID, r.Get(persons.Must("PartyCode")).Text, model.Translation(r.Get(persons.Must("PartyName")).Text, model.DefaultLanguage)}, nil
}

// findPerson finds a person by the code of the party, or by Id.
func (x *externals) findPerson(tx write.Tx, which string) (Person, error) {
	persons := x.model.Set(setERPPersons)
	for _, property := range []string{"PartyCode", "Id"} {
		found, err := tx.Find(&query.Query{Set: persons, Where: query.Equal(persons.Must(property), model.TextValue(which)), Limit: 1})
		if err != nil {
			return Person{}, err
		}
		if len(found) > 0 {
			return x.loadPerson(tx, found[0].ID)
		}
	}
	return Person{}, tandem.Errorf(tandem.CodeNotFound, "there is no person %q in the ERP: name one of %s by its PartyCode or Id", tandem.Clip(which, 40), setERPPersons)
}

// demoTechnicians says which persons the technicians of the demo are, unless somebody
// has said otherwise.
func (a *Administration) demoTechnicians(ctx context.Context) error {
	for _, t := range demo.Technicians() {
		had, err := a.PersonOf(ctx, t.Key)
		if err != nil {
			return err
		}
		if had.ID != "" {
			continue
		}
		if _, err := a.SetPerson(ctx, byDemo, t.Key, demo.TechnicianID(erpModel(), t.Key)); err != nil {
			return err
		}
	}
	return nil
}
