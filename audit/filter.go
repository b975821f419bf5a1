package audit

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
)

// Page sizes of [Log.List].
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Filter selects events. Zero fields select all.
type Filter struct {
	Kind           tandem.AuditKind
	ApplicationURI string
	Actor          string
	SessionID      string
	RequestID      string
	// ID is one event's; TokenID, SignInID and RemoteAddr are those of events.
	ID, TokenID, SignInID, RemoteAddr string
	// Rule is what decided, and Flow which half it was about. Family is a refresh family
	// with a generation, as [tandem.Facts] has them.
	Rule   tandem.Rule
	Flow   tandem.Flow
	Family string
	// Credential is the id of the application's that a decision was made by.
	Credential string
	// Since (inclusive) and Until (exclusive) bound the time.
	Since, Until time.Time
	// Before is the ID of the last event of the page before; it is what pages
	// are turned with.
	Before string
	// Forward turns the order around, oldest first: then After is the ID of the
	// last event of the page before.
	Forward bool
	After   string
	// Limit is the page size: DefaultPage when 0, at most MaxPage.
	Limit int
}

// List returns events, newest first. The next page is the same filter with
// Before set to the ID of the last event, and After where it goes forward.
func (l *Log) List(ctx context.Context, f Filter) ([]tandem.AuditEvent, error) {
	if f.Limit <= 0 {
		f.Limit = DefaultPage
	}
	f.Limit = min(f.Limit, MaxPage)
	return l.Store.ListAudit(ctx, f)
}
