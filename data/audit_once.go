package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// appendOnce appends events of which some use something up ([tandem.Once]), in one
// transaction with that: an event is kept if nobody was before it.
func (s *Audit) appendOnce(ctx context.Context, events []tandem.AuditEvent) error {
	if len(events) == 1 && s.db.Engine == sqldb.PostgreSQL {
		return s.appendOneOnce(ctx, &events[0])
	}
	// Prepared before the transaction, which holds SQLite's one connection.
	use, err := s.db.WriteStmt(ctx, useOnce[s.db.Engine])
	if err != nil {
		return err
	}
	var stmts [auditRows + 1]*sql.Stmt
	for _, n := range []int{1, min(len(events), auditRows), 1 + (len(events)-1)%auditRows} {
		if stmts[n], err = s.db.WriteStmt(ctx, insertAudit[s.db.Engine][n]); err != nil {
			return err
		}
	}
	var first map[*tandem.Once]bool
	err = s.db.Write(ctx, func(tx *sql.Tx) (err error) {
		if first, err = s.use(ctx, tx.StmtContext(ctx, use), events); err != nil {
			return err
		}
		kept := make([]tandem.AuditEvent, 0, len(events))
		for i := range events {
			if once := events[i].Once; once == nil || first[once] {
				kept = append(kept, events[i])
			}
		}
		for len(kept) > 0 {
			n := min(len(kept), auditRows)
			if stmts[n] == nil { // where some are not kept
				n = 1
			}
			if err := appendAudit(ctx, tx.StmtContext(ctx, stmts[n]), kept[:n]); err != nil {
				return err
			}
			kept = kept[n:]
		}
		return nil
	})
	if err != nil {
		return err
	}
	for once := range first {
		once.First = true
	}
	return nil
}

// useOnce uses things up: one on SQLite, which numbers the rows that it changed; on
// PostgreSQL a list of them in one round trip, always in the same order, as two
// transactions that wait for each other's would stand still. It returns those that it used.
var useOnce = map[sqldb.Engine]string{
	sqldb.SQLite: `INSERT INTO client_assertions (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`,
	sqldb.PostgreSQL: `INSERT INTO client_assertions (id, expires_at)
		SELECT decode(one, 'hex'), until FROM unnest(string_to_array($1, ','), string_to_array($2, ',')::bigint[]) AS given (one, until) ORDER BY one
		ON CONFLICT (id) DO NOTHING RETURNING id`,
}

// use uses up what the events use, and says which of it was not used before. Of two events
// with the same the first one has it.
func (s *Audit) use(ctx context.Context, stmt *sql.Stmt, events []tandem.AuditEvent) (map[*tandem.Once]bool, error) {
	first := map[*tandem.Once]bool{}
	if s.db.Engine == sqldb.SQLite {
		for i := range events {
			once := events[i].Once
			if once == nil {
				continue
			}
			if changed, err := sqldb.Changed(stmt.ExecContext(ctx, once.ID[:], sqldb.Micros(once.Until))); err != nil {
				return nil, err
			} else if changed {
				first[once] = true
			}
		}
		return first, nil
	}
	owner := map[[sha256.Size]byte]*tandem.Once{}
	var ids, until []string
	for i := range events {
		once := events[i].Once
		if once == nil || owner[once.ID] != nil {
			continue
		}
		owner[once.ID] = once
		ids, until = append(ids, hex.EncodeToString(once.ID[:])), append(until, strconv.FormatInt(sqldb.Micros(once.Until), 10))
	}
	rows, err := stmt.QueryContext(ctx, strings.Join(ids, ","), strings.Join(until, ","))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		first[owner[[sha256.Size]byte(id)]] = true
	}
	return first, rows.Err()
}

// appendOneOnce is appendOnce for one event, in one statement of PostgreSQL's and so one
// round trip.
func (s *Audit) appendOneOnce(ctx context.Context, e *tandem.AuditEvent) error {
	stmt, err := s.db.WriteStmt(ctx, insertOneOnce)
	if err != nil {
		return err
	}
	first, err := sqldb.Changed(stmt.ExecContext(ctx, append(auditEvents.Values(e), e.Once.ID[:], sqldb.Micros(e.Once.Until))...))
	if err == nil {
		e.Once.First = first
	}
	return err
}

// insertOneOnce names the one type that is not text, which a SELECT would take it for.
var insertOneOnce = func() string {
	var values []string
	for i, name := range strings.Split(auditEvents.Columns, ", ") {
		value := "$" + strconv.Itoa(i+1)
		if name == "at" {
			value += "::bigint"
		}
		values = append(values, value)
	}
	n := len(values)
	return `WITH used AS (INSERT INTO client_assertions (id, expires_at) VALUES ($` + strconv.Itoa(n+1) + `, $` + strconv.Itoa(n+2) + `)
		ON CONFLICT (id) DO NOTHING RETURNING 1)
		INSERT INTO audit_events (` + auditEvents.Columns + `) SELECT ` + strings.Join(values, ", ") + ` FROM used`
}()
