package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// appendOnce appends events of which some use something up ([tandem.Once]), together with
// that: an event is kept if nobody was before it.
func (s *Audit) appendOnce(ctx context.Context, events []tandem.AuditEvent) error {
	if len(events) <= auditRows {
		if err := s.appendFirst(ctx, events); !sqldb.IsUnique(err) {
			return err
		}
	}
	return s.appendUnused(ctx, events)
}

// appendFirst is the usual case, in which nobody was before: one statement, which is a
// transaction by itself. It fails as a whole where somebody was.
func (s *Audit) appendFirst(ctx context.Context, events []tandem.AuditEvent) error {
	stmt, err := s.db.WriteStmt(ctx, insertOnce[s.db.Engine][len(events)])
	if err != nil {
		return err
	}
	if _, err := stmt.ExecContext(ctx, s.withOnce(events)...); err != nil {
		return err
	}
	for i := range events {
		if once := events[i].Once; once != nil {
			once.First = true
		}
	}
	return nil
}

// withOnce are the values of the events and of what they use up, in the order of insertOnce.
func (s *Audit) withOnce(events []tandem.AuditEvent) []any {
	if s.db.Engine == sqldb.PostgreSQL {
		ids, until, _ := listed(events)
		return append(auditEvents.AllValues(events), ids, until)
	}
	var args []any
	for i := range events {
		args = append(args, auditEvents.Values(&events[i])...)
		if once := events[i].Once; once != nil {
			args = append(args, once.ID[:], sqldb.Micros(once.Until))
		} else {
			args = append(args, nil, nil)
		}
	}
	return args
}

// appendUnused is appendOnce where some may be used: a transaction that looks at each.
func (s *Audit) appendUnused(ctx context.Context, events []tandem.AuditEvent) error {
	// Prepared before the transaction, which holds SQLite's one connection.
	use, err := s.db.WriteStmt(ctx, useOnce[s.db.Engine])
	if err != nil {
		return err
	}
	var stmts [auditRows + 1]*sql.Stmt
	largest := 1 // of the powers of two: any number is a few of them
	for n := 1; n <= min(len(events), auditRows); n *= 2 {
		if stmts[n], err = s.db.WriteStmt(ctx, insertAudit[s.db.Engine][n]); err != nil {
			return err
		}
		largest = n
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
		for n := largest; len(kept) > 0; {
			for n > len(kept) {
				n /= 2
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

// insertOnce has the statement of appendFirst for each number of events, by engine. On SQLite
// a trigger does both (migration 00230).
var insertOnce = map[sqldb.Engine][]string{
	sqldb.SQLite:     insertTexts("audit_once", auditEvents.Columns+", once_id, once_until", func(int) string { return "?" }),
	sqldb.PostgreSQL: insertOncePostgres(),
}

func insertOncePostgres() []string {
	texts := slices.Clone(insertAudit[sqldb.PostgreSQL])
	fields := len(auditEvents.Values(new(tandem.AuditEvent)))
	for n := 1; n < len(texts); n++ {
		texts[n] = "WITH used AS (" + useOnceListed(n*fields+1) + ") " + texts[n]
	}
	return texts
}

// useOnceListed uses up what is listed in two parameters, always in the same order, as two
// transactions that wait for each other's would stand still.
func useOnceListed(parameter int) string {
	return `INSERT INTO client_assertions (id, expires_at)
		SELECT decode(one, 'hex'), until FROM unnest(string_to_array($` + strconv.Itoa(parameter) + `, ','),
			string_to_array($` + strconv.Itoa(parameter+1) + `, ',')::bigint[]) AS given (one, until) ORDER BY one`
}

// useOnce uses things up that were not used: one on SQLite, which numbers the rows that it
// changed; on PostgreSQL a list of them in one round trip. It returns those that it used.
var useOnce = map[sqldb.Engine]string{
	sqldb.SQLite:     `INSERT INTO client_assertions (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`,
	sqldb.PostgreSQL: useOnceListed(1) + ` ON CONFLICT (id) DO NOTHING RETURNING id`,
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
	ids, until, owner := listed(events)
	rows, err := stmt.QueryContext(ctx, ids, until)
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

// listed are the ids that the events use up, with repeats, their times, and whose each is:
// that of the first event that has it.
func listed(events []tandem.AuditEvent) (ids, until string, owner map[[sha256.Size]byte]*tandem.Once) {
	owner = map[[sha256.Size]byte]*tandem.Once{}
	var all, times []string
	for i := range events {
		once := events[i].Once
		if once == nil {
			continue
		}
		if owner[once.ID] == nil {
			owner[once.ID] = once
		}
		all, times = append(all, hex.EncodeToString(once.ID[:])), append(times, strconv.FormatInt(sqldb.Micros(once.Until), 10))
	}
	return strings.Join(all, ","), strings.Join(times, ","), owner
}
