package tandem

import "strings"

// By is who administers, through what door, and from where. Every method that
// changes an application, an account, a session, a key or a right asks for it, and
// the record tells of it.
type By struct {
	// Login is the account that does it. What is no account has a name with a colon,
	// which no login has: "os:" and the operating system's name of whoever runs a
	// command, "tandem:" and what the program does by itself. See [IsLogin].
	Login string
	Via   Via
	// From is the network address of who asked; empty where there is none, as for a
	// command.
	From string
}

// Via is the door through which something is administered. The names are stable:
// they are stored.
type Via string

// The doors.
const (
	// ViaCommand is a command, run by whoever may open the database.
	ViaCommand Via = "command"
	// ViaManage is the Instance Manager, and ViaLink an installation link.
	ViaManage Via = "manage"
	ViaLink   Via = "link"
	// ViaReset is a person with a one-time link for a new password.
	ViaReset Via = "reset"
	// ViaImport takes over what another system had: its secret or password goes on.
	ViaImport Via = "import"
	// ViaDemo makes the demo, and ViaPlatform is the program by itself.
	ViaDemo     Via = "demo"
	ViaPlatform Via = "platform"
	// ViaProfile is the profile site, on which people administer what is their own.
	ViaProfile Via = "profile"
	// ViaClient is an application that revokes a token of its own (RFC 7009).
	ViaClient Via = "client"
)

// Recorded is the [AuditAdministration] event of what was done: who, from where, and
// in its facts through what, to what, and what changed. What changed is also told in
// few words after the text.
func (b By) Recorded(what string, f Facts) AuditEvent {
	f.Via = b.Via
	if changed := f.Words(); changed != "" {
		what += ": " + changed
	}
	return AuditEvent{Kind: AuditAdministration, Actor: b.Login, RemoteAddr: b.From, Detail: what, Facts: f.JSON()}
}

// Caused marks an event of another account as what somebody did by administering: who,
// through what and from where.
func (b By) Caused(e AuditEvent) AuditEvent {
	f := Facts{By: b.Login, Via: b.Via}
	e.RemoteAddr, e.Facts = b.From, f.JSON()
	return e
}

// IsLogin reports whether who is recorded as the maker of something is an account, and
// not whoever ran a command, or the program itself.
func IsLogin(maker string) bool { return maker != "" && !strings.Contains(maker, ":") }
