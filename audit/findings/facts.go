package findings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Part is a part of the snapshot beside the applications: what is not needed is not read.
type Part uint32

// The parts.
const (
	// Rights are groups, keys, grants, and who is in which group.
	Rights Part = 1 << iota
	// RightUses are the rights that accounts have used.
	RightUses
	// Deeds are the rights that somebody gave, out of the record.
	Deeds
	// Types are the document types that need approval.
	Types
	// Persons are administrators, and accounts that nobody uses.
	Persons
	// Outside are external people who see nothing.
	Outside
	// SigningKeys are those of tokens.
	SigningKeys
	// Running is how the instance runs, on each of its replicas.
	Running
	// Sealing is how far the record is sealed.
	Sealing
	// Proofs are what the last proof of the isolation said.
	Proofs
	// Used is what applications have used, Idle when System Users last did anything.
	Used
	Idle
	// Lately is what the record tells of the last days, Tallied how often things happened.
	Lately
	Tallied
	// Slots are how the licence is used, Stale people who were not seen for long.
	Slots
	Stale
	// Places are the networks that credentials are used from.
	Places
	// Tokened are the live reference tokens.
	Tokened

	lastPart = Tokened
)

// counted are the parts that say something only when they were counted for long enough.
var counted = []struct {
	part Part
	what string
}{
	{RightUses, "uses of rights"},
	{Used, "uses of applications"},
	{Tallied, "events"},
	{Persons, "last sign-ins"},
}

// Needed are the parts that rules need together.
func Needed(rules []Rule) (all Part) {
	for i := range rules {
		if rules[i].Absent == "" {
			all |= rules[i].Needs
		}
	}
	return all
}

// Cheap are the rules of which nothing is read that grows with use.
func Cheap(rules []Rule) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool {
		return r.Needs&(RightUses|Deeds|Persons|Outside|Used|Idle|Lately|Tallied|Slots|Stale|Places) != 0
	})
}

// Facts are a snapshot of what rules look at.
type Facts struct {
	Now    time.Time
	Limits Limits
	// Missing says of parts that could not be read why.
	Missing map[Part]string
	// Since is from when on what is counted was counted.
	Since map[Part]time.Time
	// Beyond is how many findings of a rule were left out of the snapshot.
	Beyond map[string]int
	// Known is what earlier audits noted, by fingerprint; Acceptances are those that were
	// not taken back.
	Known       map[string]Known
	Acceptances []Acceptance

	// found and ran are what the rules before have found, and which have looked.
	found, ran map[string]bool

	UsageFacts
	Apps []App
	// Untold are applications that have not taken what they were told of sign-outs, by id.
	Untold map[string]Untold
	// Accounts are the System Users, and everybody who was put into a group.
	Accounts []Account
	permission.Definitions
	// Uses are those of the last [Window].
	Uses []permission.Use
	// Given are the rights and memberships that accounts gave within the last [Window].
	Given []Given
	// Types are the document types that need approval.
	Types []Type
	// SigningKeys are the keys of tokens, and RotateEvery the age at which the next one is
	// made where no replica says another.
	SigningKeys []SigningKey
	RotateEvery time.Duration
	// Setting is how the instance runs.
	Setting Setting
	// Places are the networks of credentials that were used from several within a day, by
	// the credential's id; of the classic secret by the application's. Instances are how
	// many service instances of an application were at work, by ApplicationURI.
	Places    map[string][]string
	Instances map[string]int
	// Seal is how far the record is sealed.
	Seal Seal
	// Proof is the last proof of the isolation.
	Proof Proof
	// Administrators are those who are enabled.
	Administrators []Person
	// Demo are enabled accounts of the demo, Unseen internal users who did not sign in for
	// long, Blind external people who may see nothing, Chosen people whose password an
	// administrator set long ago.
	Demo, Unseen, Blind, Chosen []Person
	// Makers are those who answer for applications, or have made credentials.
	Makers map[string]Standing
	// References are the live reference tokens, the newest first.
	References []Reference
	// Referred is when a reference token of an application was made or used last, of all
	// that are kept, by the application's id.
	Referred map[string]time.Time
	// Computable are attributes by what they can be computed of: Set.Attribute, or several
	// of them joined by " + " where all are needed.
	Computable map[string][]string
	// ReadBy are the sets by whose rights an attribute is read, by its Set.Attribute: those
	// that have it.
	ReadBy map[string][]string
}

// NewFacts are facts of nothing yet.
func NewFacts(now time.Time, limits Limits) *Facts {
	return &Facts{
		Now: now, Limits: limits, Missing: map[Part]string{}, Since: map[Part]time.Time{}, Beyond: map[string]int{}, Known: map[string]Known{},
		found: map[string]bool{}, ran: map[string]bool{},
	}
}

// Window is how far back uses of rights and deeds are looked at.
const Window = 30 * 24 * time.Hour

// Untold is what an application has not taken of late.
type Untold struct {
	// SignOuts is of how many, Since when the first of them was, Tried when it was last
	// asked, and Error what it said.
	SignOuts     int
	Since, Tried time.Time
	Error        string
}

// UntoldWindow is how far back it is looked for sign-outs that applications were never told
// of, and UntoldAfter for how long one has to wait until it counts.
const (
	UntoldWindow = 7 * 24 * time.Hour
	UntoldAfter  = time.Hour
)

// App is an application.
type App struct{ tandem.TrustedApp }

// Account is an account with the groups that it was put into, by id.
type Account struct {
	tandem.User
	Put []string
}

// Given is a deed of an account: it was put into a group, or a group was granted a key.
type Given struct {
	At time.Time
	// By is the login of who did it, To the id of the account that was put into the
	// group; empty for a grant.
	By, To     string
	Group, Key string
	Self       bool
	// Had are the rights that the group had on the key before.
	Had string
}

// Type is a document type whose documents need approval: its documents are those of Set.
type Type struct{ ID, Code, Key, Set string }

// systemUsers are the System Users.
func (f *Facts) systemUsers() (all []*Account) {
	for i := range f.Accounts {
		if f.Accounts[i].Type == tandem.SystemUserNoLogin {
			all = append(all, &f.Accounts[i])
		}
	}
	return all
}

// appsOf are the enabled applications that a System User acts for.
func (f *Facts) appsOf(id string) (all []*App) {
	for i := range f.Apps {
		if a := &f.Apps[i]; a.Enabled && a.SystemUserAllowed && a.SystemUserID == id {
			all = append(all, a)
		}
	}
	return all
}

func (f *Facts) group(id string) *permission.Group {
	for i := range f.Groups {
		if f.Groups[i].ID == id {
			return &f.Groups[i]
		}
	}
	return nil
}

func (f *Facts) key(id string) *permission.Key {
	for i := range f.Keys {
		if f.Keys[i].ID == id {
			return &f.Keys[i]
		}
	}
	return nil
}

// groupsOf are the groups of an account by which it has rights.
func (f *Facts) groupsOf(a *Account) (all []*permission.Group) {
	for _, id := range permission.GroupsOf(&a.User, a.Put) {
		if g := f.group(id); g != nil {
			all = append(all, g)
		}
	}
	return all
}

// held are the grants of a group on keys.
func (f *Facts) held(group string) (all []permission.GrantOn) {
	for _, g := range f.Grants {
		if k := f.key(g.Key); g.Group == group && k != nil {
			all = append(all, permission.GrantOn{Grant: g, Key: *k})
		}
	}
	return all
}

// of begins a finding about an account.
func (a *Account) finding(evidence ...Evidence) Finding {
	return Finding{Kind: "user", ID: a.ID, Name: a.Login, Evidence: evidence}
}

// remove is the command that takes an account out of a group.
func (a *Account) remove(g *permission.Group) string {
	return fmt.Sprintf("tandem access group remove-member %s %s", permission.Quoted(g.Name), permission.Quoted(a.Login))
}

// only is the command that leaves a group these rights alone.
func only(g *permission.Group, k *permission.Key, rights string) string {
	return fmt.Sprintf("tandem access grant %s %s --rights %s --only", permission.Quoted(g.Name), k.Flag(), rights)
}

func list(words []string) string {
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ", ")
}

// finding begins a finding about an application.
func (a *App) finding(evidence ...Evidence) Finding {
	return Finding{Kind: "application", ID: a.ID, Name: a.ApplicationURI, Application: a.ApplicationURI, Evidence: evidence}
}

// update is the command that changes an application.
func (a *App) update(flags string) string {
	return "tandem app update " + permission.Quoted(a.ApplicationURI) + " " + flags
}

const writes = permission.Create | permission.Update | permission.Delete
