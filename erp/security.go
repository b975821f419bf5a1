package erp

const setUsers = "Systems_Security_Users"

// Users: the accounts of the identity server, to be referred to. Reading them
// needs the scope sec; they are changed by the administrators' commands.

func securitySets() []Declaration {
	userType := members("Systems_Security_UserType", "InternalUser", "ExternalCommunityUser", "VirtualUserNoLogin",
		"SystemUserNoLogin", "ApplicationUserNoLogin", "InvitationInternalNoLogin", "InvitationExternalNoLogin")
	users := Plain(setUsers, "Systems_Security_User", "erp_users").
		Code("Login").Named("Name").Display("{Name} <{Login}> [{UserType:DB}]").Search("Login", "Name").
		With(
			GUID("Id").ReadOnly().Explicit().Required().Can(CanEq|CanIn),
			DateTime("AggregateLastUpdateTimeUtc").ReadOnly().Explicit().Required().Can(CanRange|CanOrder).KeepTime(),
			Computed("DisplayText", "").Explicit(),
			Text("Login", 64).Required().Can(CanEq|CanIn|CanLike|CanOrder),
			Text("Name", 254).Required(),
			Text("Email", 254).Can(CanEq|CanIn|CanLike|CanOrder),
			Bool("EmailConfirmed").ReadOnly(),
			Bool("Active").Required().Can(CanEq),
			Bool("IsAdmin").Required().Can(CanEq),
			OneOf("UserType", userType).Required().Can(CanEq|CanIn),
			Text("DefaultLanguage", 15),
			DateTime("CreationTimeUtc").ReadOnly(),
		)
	users = users.ReadOnly().Secured()
	return []Declaration{{Set: users}}
}
