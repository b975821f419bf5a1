package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const setUsers = "Systems_Security_Users"

// Users: the accounts of the identity server, to be referred to. Reading them
// needs the scope sec; they are changed by the administrators' commands.

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
		)
	users = users.ReadOnly().Secured()
	return []write.Declaration{{Set: users}}
}
