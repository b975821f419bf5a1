package data

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/sqldb"
)

// Audit keeps the record of what happened; it implements [audit.Store]. It has
// no statement that changes or removes an event.
//
// The one index is that of the id, which grows with time: pages and the newest
// events are found at once, while a rare kind, actor or session is looked for
// from the newest event backwards. An index more would cost every token issued
// more than such a search is worth.
type Audit struct{ db *sqldb.DB }

// NewAudit keeps the record in the instance's database.
func NewAudit(db *sqldb.DB) *Audit { return &Audit{db} }

const (
	auditColumns = `id, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail`
	auditFields  = 11
	// auditRows is how many events one statement takes. Each number up to it
	// has a statement that stays prepared.
	auditRows = 32
)

// AppendAudit implements [audit.Store]. A usual group is one statement, which
// is a transaction by itself and so one round trip.
func (s *Audit) AppendAudit(ctx context.Context, events []tandem.AuditEvent) error {
	switch {
	case len(events) == 0:
		return nil
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
	args := make([]any, 0, len(events)*auditFields)
	for i := range events {
		e := &events[i]
		args = append(args, e.ID, sqldb.Micros(e.At), string(e.Kind), e.ApplicationURI, e.Actor, string(e.Flow),
			e.SessionID, e.SignInID, e.TokenID, e.RemoteAddr, e.Detail)
	}
	_, err := stmt.ExecContext(ctx, args...)
	return err
}

// insertAudit has the statement for each number of events, by engine. SQLite
// finds a numbered placeholder by a search, which for hundreds of them costs
// more than writing the rows; so here it gets plain ones.
var insertAudit = map[sqldb.Engine][]string{
	sqldb.SQLite:     insertAuditTexts(func(int) string { return "?" }),
	sqldb.PostgreSQL: insertAuditTexts(func(n int) string { return "$" + strconv.Itoa(n) }),
}

func insertAuditTexts(placeholder func(n int) string) []string {
	texts := make([]string, auditRows+1)
	rows := make([]string, 0, auditRows)
	for n := 1; n <= auditRows; n++ {
		var row []string
		for i := range auditFields {
			row = append(row, placeholder((n-1)*auditFields+i+1))
		}
		rows = append(rows, "("+strings.Join(row, ", ")+")")
		texts[n] = `INSERT INTO audit_events (` + auditColumns + `) VALUES ` + strings.Join(rows, ", ")
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
	add(!f.Since.IsZero(), "at >=", sqldb.Micros(f.Since))
	add(!f.Until.IsZero(), "at <", sqldb.Micros(f.Until))
	add(f.Before != "", "id <", f.Before)
	query := `SELECT ` + auditColumns + ` FROM audit_events`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	args = append(args, f.Limit)
	query += ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))
	rows, err := s.db.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []tandem.AuditEvent
	for rows.Next() {
		var e tandem.AuditEvent
		var at int64
		var kind, flow string
		err := rows.Scan(&e.ID, &at, &kind, &e.ApplicationURI, &e.Actor, &flow, &e.SessionID, &e.SignInID, &e.TokenID, &e.RemoteAddr, &e.Detail)
		if err != nil {
			return nil, err
		}
		e.At, e.Kind, e.Flow = sqldb.Time(at), tandem.AuditKind(kind), tandem.Flow(flow)
		events = append(events, e)
	}
	return events, rows.Err()
}
