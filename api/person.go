package api

import (
	"net/http"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
)

// getPerson is the function that tells which Person of the ERP a call is made for: that of
// the account that calls, or of whom a service names in [OnBehalfHeader]. Accounts are no
// business of an application, and need a scope that none has; whose visits these are is.
const getPerson = "GetPerson"

// setPersons are the rows that it answers with.
const setPersons = "General_Contacts_Persons"

// servePerson answers as GET Persons(guid) does, to whoever may read persons; 204 where an
// account is linked to none.
func (d *Domain) servePerson(w http.ResponseWriter, r *http.Request) error {
	set, err := d.set(r, setPersons)
	if err != nil {
		return err
	}
	by, err := actor(r)
	if err != nil {
		return err
	}
	account := by.ID
	if call := CallOf(r.Context()); call.OnBehalf != nil {
		account = call.OnBehalf.UserID
	}
	t := &target{Domain: d, set: set, path: odata.Path{Resource: odata.Entity, Name: setPersons}}
	if err := t.checkShape(r, set); err != nil {
		return err
	}
	ctx, cancel := d.bounded(r)
	defer cancel()
	person, err := d.PersonOf(ctx, account)
	if err != nil {
		return err
	}
	if person == "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return t.one(w, r, http.StatusOK, model.Entity{Set: set, ID: person})
}
