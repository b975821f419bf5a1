package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setUsers = "Systems_Security_Users"
	// Types of accounts that people have.
	userInternal, userExternal int64 = 0, 1
)

// Users: the accounts of the identity server, to be referred to. Reading them
// needs the scope sec; they are changed by the administrators' commands. Which person of
// the ERP an account is, is said there too: one account for each at most.

func userSets() []write.Declaration {
	userType := model.NewEnum("Systems_Security_UserType", "InternalUser", "ExternalCommunityUser", "VirtualUserNoLogin",
		"SystemUserNoLogin", "ApplicationUserNoLogin", "InvitationInternalNoLogin", "InvitationExternalNoLogin")
	users := model.Plain(setUsers, "Systems_Security_User", "erp_users").Unguarded().
		Code("Login").Named("Name").Display("{Name} <{Login}> [{UserType:DB}]").Search("Login", "Name").
		With(
			model.GUID("Id").ReadOnly().Explicit().Required().Can(eq|in),
			model.DateTime("AggregateLastUpdateTimeUtc").ReadOnly().Explicit().Required().Can(ge|ord).KeepTime(),
			model.Computed("DisplayText", "").Explicit(),
			model.Text("Login", 64).Required().Can(eq|in|like|ord),
			model.Text("Name", 254).Required(),
			model.Text("Email", 254).Can(eq|in|like|ord),
			model.Bool("EmailConfirmed").ReadOnly(),
			model.Bool("Active").Required().Can(eq),
			model.Bool("IsAdmin").Required().Can(eq),
			model.OneOf("UserType", userType).Required().Can(eq|in),
			model.Text("DefaultLanguage", 15),
			model.DateTime("CreationTimeUtc").ReadOnly(),
			model.Ref("Person", setPersons).ReadOnly(),
		)
	users = users.ReadOnly().Secured()
	return []write.Declaration{{Set: users}}
}

// personOf is the Person of an account; nil where there is none.
func personOf(c *write.Change, userID string) (*model.Record, error) {
	user, err := c.Lookup(c.Record.Set.Model().Set(setUsers), userID)
	if err != nil || user == nil {
		return nil, err
	}
	person := get(user, "Person")
	if person.Null {
		return nil, nil
	}
	return c.Lookup(user.Set.Must("Person").Target, person.Text)
}
