package usage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hybridapps/tandem"
)

// How often what was counted is written down, and for how long it is kept.
const (
	Every = 10 * time.Second
	// Kept is for how many days uses are kept, a thing's last use also after it.
	Kept = 400
)

// Day is a day of UTC, counted from 1 January 1970.
type Day int64

// DayOf is the day of a time.
func DayOf(t time.Time) Day { return Day(t.Unix() / (24 * 60 * 60)) }

// Start is when the day begins.
func (d Day) Start() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// String is the date: 2026-11-29.
func (d Day) String() string { return d.Start().Format(time.DateOnly) }

// Kind is what sort of thing was used; the text of a use begins with it.
type Kind string

// The kinds, each with what its name is.
const (
	// Scope is a scope that a call needed: read or update.
	Scope Kind = "scope:"
	// Set is an entity set that was read or changed: see [SetName]. One call may use
	// several sets, and one set more than once.
	Set Kind = "set:"
	// Redirect is the [RedirectName] of the registered redirect URI that a code went to.
	Redirect Kind = "redirect:"
	// Grant is the grant_type that gave a token.
	Grant Kind = "grant:"
	// Credential is the id of the credential that an application proved itself by, or
	// [Classic].
	Credential Kind = "cred:"
	// Instance is the name that a back end gave itself when a session was opened; empty for
	// the one without a name.
	Instance Kind = "instance:"
)

// Classic is the name of the classic secret, which has no id.
const Classic = "classic"

// SetName names an entity set that was read, or written.
func SetName(set string, written bool) string {
	if written {
		return set + ":w"
	}
	return set + ":r"
}

// RedirectName names a registered redirect URI: the beginning of its SHA-256, in hex.
func RedirectName(registered string) string {
	sum := sha256.Sum256([]byte(registered))
	return hex.EncodeToString(sum[:8])
}

// Use is how often an application has used something on a day.
type Use struct {
	Day           Day
	ApplicationID string
	Flow          tandem.Flow
	// What is a [Kind] and a name.
	What  string
	Calls int64
}

// Used is when an application has used something: the first day and the last one.
type Used struct {
	ApplicationID string
	Flow          tandem.Flow
	What          string
	First, Last   Day
}

// Running is the What of the uses without application that tell on which days anything
// was counted at all.
const Running = "running"

// Store keeps uses and tallies.
type Store interface {
	// AddUses adds to the calls that are kept, and returns the uses that it did not
	// write because of the error.
	AddUses(ctx context.Context, uses []Use) (left []Use, err error)
	// EachUsed yields all that was used, of one application or, when the id is empty, of
	// all, by application, flow and what.
	EachUsed(ctx context.Context, applicationID string, each func(*Used) error) error
	// Sums are the calls of an application from a day on, by flow and what; Day is
	// the last day with a call.
	Sums(ctx context.Context, applicationID string, since Day) ([]Use, error)
	// EachSum yields the same of all applications, for scopes and grants alone.
	EachSum(ctx context.Context, since Day, each func(*Use) error) error
	// Since is the first day on which anything was counted; zero when none was.
	Since(ctx context.Context) (Day, error)
	// PurgeUses deletes the uses of days before, and what was last used before.
	PurgeUses(ctx context.Context, before Day) error
	// AddTallies adds to the tallies that are kept, or raises those of [Peak], and
	// returns those that it did not write because of the error.
	AddTallies(ctx context.Context, tallies []Tally) (left []Tally, err error)
	// EachTally yields the tallies that the filter chooses, by time, kind, application
	// and flow.
	EachTally(ctx context.Context, f Filter, each func(*Tally) error) error
	// PurgeTallies deletes the tallies of a span that begin before a time.
	PurgeTallies(ctx context.Context, span time.Duration, before time.Time) error
}
