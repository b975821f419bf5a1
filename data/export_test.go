package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// SetGathered makes the bound of the rows that are expanded at once small.
func (e *ERP) SetGathered(n int) { e.atOnce = n }

// What replicas ask after changes.
var (
	AppsAfter    = appChanges.Select + appsAfter
	RevokedAfter = revocations.Select + revokedAfter
)

// What is asked for deliveries that are due, and for sessions.
var (
	MayBeAsked = mayBeAsked
	ClaimDue   = claimDue
	HeldIn     = heldIn
	OpenOf     = openOf
)

// What ends the grants of a person: with an application, and of all.
var (
	WithdrawnGrants = withdrawnGrants
	UseCodesOfBoth  = useCodes(ofBoth+unused, 2)
	UseCodesOfUser  = useCodes(`user_id = $1`+unused, 1)
	UseCodesOfApp   = useCodes(`application_uri = $1`+unused, 1)
	EndFamiliesOf   = endFamilies
)

// Text is the statement of a query.
func (e *ERP) Text(q *query.Query) (string, error) {
	p, err := e.plan(q, nil, nil)
	if err != nil {
		return "", err
	}
	return p.text, nil
}

// CountText is the statement of a count, with its arguments, of many rows.
func (e *ERP) CountText(q *query.Query) (string, []any, error) {
	b := e.builder(q)
	text, err := b.count(q)
	return text, b.args, err
}

func (e *ERP) Waiting(session, person string) int {
	e.gate.mu.Lock()
	defer e.gate.mu.Unlock()
	if t := e.gate.askers[asker{session, person}]; t != nil {
		return t.users
	}
	return 0
}

// ManySeen makes it known that who asks sees many rows.
func (e *ERP) ManySeen(q *query.Query) {
	e.fews.seen = map[fewOf]fewSeen{{q.By.Serial(), q.Set}: {at: tandem.SystemTime()}}
}

// FewText is the statement of a page with its arguments, and whether who asks sees few
// rows of a large set.
func (e *ERP) FewText(ctx context.Context, q *query.Query) (text string, args []any, few bool, err error) {
	open, err := e.few(ctx, q)
	if err != nil {
		return "", nil, false, err
	}
	p, err := e.plan(q, nil, open)
	if err != nil {
		return "", nil, false, err
	}
	return p.text, p.args, open != nil, nil
}

// Purges are all of the identity server's.
var Purges = []sqldb.Purge{
	oldFamilies, oldCodes, oldEndings, oldAssertions, oldFailures, oldAttempts, oldSessions, expiredSignIns, endedSignIns, oldEvents,
}

// MaxShapes bounds [ERP.Shapes], the shapes of queries that are kept.
const MaxShapes = maxShapes

// Shapes is how many are kept.
func (e *ERP) Shapes() int {
	e.shapes.mu.RLock()
	defer e.shapes.mu.RUnlock()
	return len(e.shapes.kept)
}

// Turn is a statement's turn, Took what one of a shape took, Askers how many sessions
// and persons have a turn or wait for one, Waiting how many statements of a person.
func (e *ERP) Turn(ctx context.Context, shape string, scans bool) (context.Context, func(), error) {
	return e.gate.turn(ctx, shape, scans)
}

func (e *ERP) Took(shape string, d time.Duration) { e.gate.learn(shape, d) }

func (e *ERP) Askers() int {
	e.gate.mu.Lock()
	defer e.gate.mu.Unlock()
	return len(e.gate.askers)
}

// Ask runs a statement as one that may look at many rows.
func (e *ERP) Ask(ctx context.Context, text string) error {
	a, err := e.ask(ctx, text, nil, true)
	if err != nil {
		return err
	}
	defer a.done()
	for a.Next() {
	}
	return a.Err()
}

// SkipFrom makes pages that skip so many rows count the ids of those alone.
func (e *ERP) SkipFrom(n int) { e.fewSkipped = n }

// Narrowed reports whether an index narrows a query.
func (e *ERP) Narrowed(ctx context.Context, q *query.Query) (bool, error) {
	n, err := e.narrowFor(ctx, q, maxNarrowed)
	return len(n) > 0, err
}

// NarrowedText is the statement of a query that an index narrows.
func (e *ERP) NarrowedText(ctx context.Context, q *query.Query) (string, error) {
	n, err := e.narrowFor(ctx, q, maxNarrowed)
	if err != nil {
		return "", err
	}
	p, err := e.plan(q, nil, nil, n...)
	if err != nil {
		return "", err
	}
	return p.text, nil
}

// FormOfAll is the one fact that programs of before kept about all indexes for searching.
func (e *ERP) FormOfAll() string { return e.formOfAll() }

// SlotsTaken is what a replica knows of the slots of one licence.
type SlotsTaken struct{ taken slotsTaken }

// Ask is what an opening asks the database for; Told is its answer: the number of the last
// ending, and the lowest slot that was given back, 0 for none.
func (t *SlotsTaken) Ask() int64 { return t.taken.since() }

// Told is the answer to Ask.
func (t *SlotsTaken) Told(since, changes, freed int64) {
	t.taken.freed(since, licenceNow{changes: changes, freed: sql.NullInt64{Int64: freed, Valid: freed > 0}})
}

// Took says that a slot of the first ten was taken after that ending, and From from which
// on one is looked for.
func (t *SlotsTaken) Took(changes int64, slot int) {
	t.taken.upTo(licenceNow{changes: changes}, session.Range{First: 1, Last: 10}, slot)
}

// From is the first slot that may be free.
func (t *SlotsTaken) From() int { return t.taken.after(session.Range{First: 1, Last: 10}).First }

// SmallTables are those that are searched without an index.
var SmallTables = smallTables[:]

// LendProcessor lends a processor, as for a long statement.
func LendProcessor() (takeBack func()) { return lentProcessors.lend() }
