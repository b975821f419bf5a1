package tandem

import (
	"strings"
	"time"
)

// UserType is the kind of an account, by ERP.net's names.
type UserType string

// The user types.
const (
	// InternalUser is an employee: signs in, may get API scopes, takes one
	// licence slot while a session is open.
	InternalUser UserType = "InternalUser"
	// ExternalCommunityUser is a partner or customer: signs in for identity
	// only; no API scope, no session, no slot (invariant I5).
	ExternalCommunityUser UserType = "ExternalCommunityUser"
	// SystemUserNoLogin is what a service token acts as. It never signs in.
	SystemUserNoLogin UserType = "SystemUserNoLogin"
)

// CanSignIn reports whether people of this type may sign in interactively.
func (t UserType) CanSignIn() bool {
	return t == InternalUser || t == ExternalCommunityUser
}

// User is an account: a person, or a System User.
type User struct {
	// ID is a GUID, the only identifier that never changes.
	ID string
	// Login is unique among users and never equal to an ApplicationURI, both
	// without regard to case (invariant I7). It is shown as it was given.
	Login         string
	Name          string
	Email         string
	EmailVerified bool
	// Locale is a BCP 47 tag, Zoneinfo an IANA name of a time zone, as the claims of
	// OpenID Connect Core section 5.1 are; empty means that nobody has said.
	Locale    string
	Zoneinfo  string
	Type      UserType
	Admin     bool
	Enabled   bool
	CreatedAt time.Time
	ChangedAt time.Time
	// CreatedBy made the account, as [By.Login] has it; empty where nobody knows.
	CreatedBy string
	// LastSignInAt is when the person last proved who they are; zero for never.
	LastSignInAt time.Time
	// PasswordOrigin says whose the password is; empty for none, and where nobody knows.
	PasswordOrigin PasswordOrigin
	// SecondFactorRequired demands a second factor: whoever has none makes one at the next
	// sign-in.
	SecondFactorRequired bool
	// Version counts changes.
	Version int64
}

// PasswordOrigin says who has set a password.
type PasswordOrigin string

// The origins of a password.
const (
	// PasswordOwn was set by its person: nobody else knows it.
	PasswordOwn PasswordOrigin = "own"
	// PasswordAdmin was set by somebody else, who may still know it.
	PasswordAdmin PasswordOrigin = "admin"
	// PasswordDemo stands in the demo's file, PasswordImport came from another system.
	PasswordDemo   PasswordOrigin = "demo"
	PasswordImport PasswordOrigin = "import"
)

// PasswordOf is the origin of a password that somebody sets for the account with the
// login.
func PasswordOf(by By, login string) PasswordOrigin {
	switch {
	case by.Via == ViaDemo:
		return PasswordDemo
	case by.Via == ViaImport:
		return PasswordImport
	case strings.EqualFold(by.Login, login):
		return PasswordOwn
	}
	return PasswordAdmin
}
