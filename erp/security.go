package erp

const setUsers = "Systems_Security_Users"

// Users: the accounts of the identity server, to be referred to. Reading them
// needs the scope sec; they are changed by the administrators' commands.

func securitySets() []Declaration {
	userType := members("Systems_Security_UserType", "InternalUser", "ExternalCommunityUser", "VirtualUserNoLogin",
		"SystemUserNoLogin", "ApplicationUserNoLogin", "InvitationInternalNoLogin", "InvitationExternalNoLogin")
	users := newSet(setUsers, "Systems_Security_User", "erp_users").
		code("Login").named("Name").display("{Name} <{Login}> [{UserType:DB}]").search("Login", "Name").
		with(
			guid("Id").readOnly().explicit().required().can(CanEq|CanIn),
			datetime("AggregateLastUpdateTimeUtc").readOnly().explicit().required().can(CanRange|CanOrder).keepTime(),
			computed("DisplayText", "").explicit(),
			text("Login", 64).required().can(CanEq|CanIn|CanLike|CanOrder),
			text("Name", 254).required(),
			text("Email", 254).can(CanEq|CanIn|CanLike|CanOrder),
			boolean("EmailConfirmed").readOnly(),
			boolean("Active").required().can(CanEq),
			boolean("IsAdmin").required().can(CanEq),
			enum("UserType", userType).required().can(CanEq|CanIn),
			text("DefaultLanguage", 15),
			datetime("CreationTimeUtc").readOnly(),
		)
	users.ReadOnly, users.Security = true, true
	return []Declaration{{Set: users}}
}
