package data

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/sqldb"
)

// Audit keeps the record of what happened; it implements [audit.Store]. It has
// no statement that changes an event, and one that removes the oldest.
//
// The one index of all events is that of the id, which grows with time: pages and the newest
// events are found at once, while a rare kind, actor or session is looked for
// from the newest event backwards. An index more would cost every token issued
// more than such a search is worth. The sign-ins of a person alone have one, of their own.
type Audit struct{ db *sqldb.DB }

// NewAudit keeps the record in the instance's database.
func NewAudit(db *sqldb.DB) *Audit { return &Audit{db} }

var auditEvents = sqldb.NewTable("audit_events", func(e *tandem.AuditEvent, column sqldb.Column) {
	column("id", &e.ID)
	column("at", sqldb.TimeField(&e.At))
	column("kind", (*string)(&e.Kind)) // which the drivers take without reflection: every token writes one
	column("application_uri", &e.ApplicationURI)
	column("actor", &e.Actor)
	column("flow", (*string)(&e.Flow))
	column("session_id", &e.SessionID)
	column("sign_in_id", &e.SignInID)
	column("token_id", &e.TokenID)
	column("remote_addr", &e.RemoteAddr)
	column("detail", &e.Detail)
	column("request_id", &e.RequestID)
	column("facts", &e.Facts)
})

// auditRows is how many events one statement takes. Each number up to it has a
// statement that stays prepared.
const auditRows = 32

// AppendAudit implements [audit.Store]. A usual group is one statement, which
// is a transaction by itself and so one round trip.
func (s *Audit) AppendAudit(ctx context.Context, events []tandem.AuditEvent) error {
	switch {
	case len(events) == 0:
		return nil
	case slices.ContainsFunc(events, func(e tandem.AuditEvent) bool { return e.Once != nil }):
		return s.appendOnce(ctx, events)
	case len(events) <= auditRows:
		stmt, err := s.db.WriteStmt(ctx, insertAudit[s.db.Engine][len(events)])
		if err != nil {
			return err
		}
		return appendAudit(ctx, stmt, events)
	}
	// Prepared before the transaction, which holds SQLite's one connection.
	full, err := s.db.WriteStmt(ctx, insertAudit[s.db.Engine][auditRows])
	if err != nil {
		return err
	}
	rest, err := s.db.WriteStmt(ctx, insertAudit[s.db.Engine][1+(len(events)-1)%auditRows])
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		stmt := tx.StmtContext(ctx, full)
		left := events
		for ; len(left) > auditRows; left = left[auditRows:] {
			if err := appendAudit(ctx, stmt, left[:auditRows]); err != nil {
				return err
			}
		}
		return appendAudit(ctx, tx.StmtContext(ctx, rest), left)
	})
}

func appendAudit(ctx context.Context, stmt *sql.Stmt, events []tandem.AuditEvent) error {
	_, err := stmt.ExecContext(ctx, auditEvents.AllValues(events)...)
	return err
}

// insertAudit has the statement for each number of events, by engine. SQLite
// finds a numbered placeholder by a search, which for hundreds of them costs
// more than writing the rows; so here it gets plain ones.
var insertAudit = map[sqldb.Engine][]string{
	sqldb.SQLite:     insertTexts("audit_events", auditEvents.Columns, func(int) string { return "?" }),
	sqldb.PostgreSQL: insertTexts("audit_events", auditEvents.Columns, func(n int) string { return "$" + strconv.Itoa(n) }),
}

func insertTexts(table, columns string, placeholder func(n int) string) []string {
	fields := strings.Count(columns, ",") + 1
	texts := make([]string, auditRows+1)
	rows := make([]string, 0, auditRows)
	for n := 1; n <= auditRows; n++ {
		var row []string
		for i := range fields {
			row = append(row, placeholder((n-1)*fields+i+1))
		}
		rows = append(rows, "("+strings.Join(row, ", ")+")")
		texts[n] = "INSERT INTO " + table + " (" + columns + ") VALUES " + strings.Join(rows, ", ")
	}
	return texts
}

// ListAudit implements [audit.Store].
func (s *Audit) ListAudit(ctx context.Context, f audit.Filter) ([]tandem.AuditEvent, error) {
	var where []string
	var args []any
	add := func(given bool, condition string, arg any) {
		if given {
			args = append(args, arg)
			where = append(where, condition+" $"+strconv.Itoa(len(args)))
		}
	}
	add(f.Kind != "", "kind =", string(f.Kind))
	add(f.ApplicationURI != "", "application_uri =", f.ApplicationURI)
	add(f.Actor != "", "actor =", f.Actor)
	add(f.SessionID != "", "session_id =", f.SessionID)
	add(f.RequestID != "", "request_id =", f.RequestID)
	add(f.ID != "", "id =", f.ID)
	add(f.TokenID != "", "token_id =", f.TokenID)
	add(f.SignInID != "", "sign_in_id =", f.SignInID)
	add(f.RemoteAddr != "", "remote_addr =", f.RemoteAddr)
	add(f.Flow != "", "flow =", string(f.Flow))
	add(f.Family != "", "facts LIKE", `%"f":"`+f.Family+`"%`)
	add(f.Credential != "", "facts LIKE", `%"c":"`+f.Credential+`"%`)
	// The rule comes first in the facts.
	rule := `{"r":"` + string(f.Rule) + `"`
	add(f.Rule != "", "substr(facts, 1, "+strconv.Itoa(len(rule))+") =", rule)
	add(!f.Since.IsZero(), "at >=", sqldb.Micros(f.Since))
	add(!f.Until.IsZero(), "at <", sqldb.Micros(f.Until))
	add(f.Before != "", "id <", f.Before)
	add(f.After != "", "id >", f.After)
	query := auditEvents.Select
	if len(where) > 0 {
		query += `WHERE ` + strings.Join(where, ` AND `)
	}
	args = append(args, f.Limit)
	order := ` DESC`
	if f.Forward {
		order = ``
	}
	query += ` ORDER BY id` + order + ` LIMIT $` + strconv.Itoa(len(args))
	return auditEvents.All(s.db.Reader().QueryContext(ctx, query, args...))
}

// SignInsOf are the newest sign-ins of a login, and those that failed, the newest first.
func (s *Audit) SignInsOf(ctx context.Context, login string, limit int) ([]tandem.AuditEvent, error) {
	// The kinds as the index has them.
	return auditEvents.All(s.db.Reader().QueryContext(ctx, auditEvents.Select+
		`WHERE actor = $1 AND kind IN ('sign_in', 'sign_in_failed') ORDER BY id DESC LIMIT $2`, login, limit))
}

// keptPage is how many events one statement of FirstKept looks at: all that are to go are
// looked at, which may be the years for which nothing was removed.
const keptPage = 10_000

// FirstKept implements [audit.Store].
func (s *Audit) FirstKept(ctx context.Context, before time.Time) (string, error) {
	end, from := sqldb.FirstID(before), ""
	for {
		var last, late sql.NullString
		err := s.db.Reader().QueryRowContext(ctx, `SELECT max(id), min(CASE WHEN at >= $1 THEN id END)
			FROM (SELECT id, at FROM audit_events WHERE id > $2 AND id < $3 ORDER BY id LIMIT $4) AS page`,
			sqldb.Micros(before), from, end, keptPage).Scan(&last, &late)
		switch {
		case err != nil:
			return "", err
		case late.Valid: // its own time is after that of its id
			return late.String, nil
		case last.Valid:
			from = last.String
			continue
		}
		err = s.db.Reader().QueryRowContext(ctx, `SELECT min(id) FROM audit_events WHERE id >= $1`, end).Scan(&last)
		if last.Valid {
			return last.String, err
		}
		return end, err
	}
}

// oldEvents are found by the id, which grows with time.
var oldEvents = sqldb.Purge{Table: "audit_events", Column: "id"}

// PruneAudit implements [audit.Store].
func (s *Audit) PruneAudit(ctx context.Context, first string) (int64, error) {
	p := oldEvents
	p.Before = first
	return s.db.Purge(ctx, p)
}
