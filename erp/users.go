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
	users := model.Plain(setUsers, "Systems_Security_User", "erp_users").
		Code("Login").Named("Name").Display("{Name} <{Login}> [{UserType:DB}]").Search("Login", "Name").
		With(
			model.GUID("Id").ReadOnly().Explicit().Required().Can(model.CanEq|model.CanIn),
			model.DateTime("AggregateLastUpdateTimeUtc").ReadOnly().Explicit().Required().Can(model.CanRange|model.CanOrder).KeepTime(),
			model.Computed("DisplayText", "").Explicit(),
			model.Text("Login", 64).Required().Can(model.CanEq|model.CanIn|model.CanLike|model.CanOrder),
			model.Text("Name", 254).Required(),
			model.Text("Email", 254).Can(model.CanEq|model.CanIn|model.CanLike|model.CanOrder),
			model.Bool("EmailConfirmed").ReadOnly(),
			model.Bool("Active").Required().Can(model.CanEq),
			model.Bool("IsAdmin").Required().Can(model.CanEq),
			model.OneOf("UserType", userType).Required().Can(model.CanEq|model.CanIn),
			model.Text("DefaultLanguage", 15),
			model.DateTime("CreationTimeUtc").ReadOnly(),
		)
	users = users.ReadOnly().Secured()
	return []write.Declaration{{Set: users}}
}
