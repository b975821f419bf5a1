package data

import (
	"container/list"
	"context"
	"database/sql"
	"sync"

	"github.com/hybridapps/tandem/sqldb"
)

// Bounds of what stays prepared. The texts of writes are bounded by the model;
// those of queries are as many as callers think of, so that the ones not used
// for longest make room.
const (
	maxWriteStatements = 1000
	maxReadStatements  = 128
)

// statements keeps prepared statements of SQLite. The driver of PostgreSQL
// keeps its own, for each connection.
type statements struct {
	db *sqldb.DB
	// server is set for PostgreSQL: nothing is kept here.
	server bool

	mu     sync.Mutex // guards the fields below
	writes map[string]*sql.Stmt
	reads  map[string]*list.Element // of *keptStmt
	recent *list.List               // the last used first
}

type keptStmt struct {
	*sql.Stmt
	text    string
	users   int
	dropped bool
}

func newStatements(db *sqldb.DB) *statements {
	return &statements{
		db: db, server: db.Engine == sqldb.PostgreSQL,
		writes: map[string]*sql.Stmt{}, reads: map[string]*list.Element{}, recent: list.New(),
	}
}

// writing is the statement kept for transactions; nil when there is none. It
// cannot be prepared there: on SQLite the transaction has the one connection.
func (s *statements) writing(text string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes[text]
}

// keep prepares, after a transaction, what it had to prepare itself.
func (s *statements) keep(ctx context.Context, texts []string) {
	for _, text := range texts {
		s.mu.Lock()
		full := len(s.writes) >= maxWriteStatements
		s.mu.Unlock()
		if full {
			return
		}
		stmt, err := s.db.WriteStmt(ctx, text)
		if err != nil {
			return // it is prepared in each transaction, as before
		}
		s.mu.Lock()
		s.writes[text] = stmt
		s.mu.Unlock()
	}
}

// query runs a query on the readers. done must be called after the rows are
// closed.
func (s *statements) query(ctx context.Context, text string, args []any) (rows *sql.Rows, done func(), err error) {
	if s.server {
		rows, err = s.db.Reader().QueryContext(ctx, text, args...)
		return rows, func() {}, err
	}
	stmt, err := s.reading(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	rows, err = stmt.QueryContext(ctx, args...)
	if err != nil {
		s.release(stmt)
		return nil, nil, err
	}
	return rows, func() { s.release(stmt) }, nil
}

func (s *statements) reading(ctx context.Context, text string) (*keptStmt, error) {
	s.mu.Lock()
	if e := s.reads[text]; e != nil {
		s.recent.MoveToFront(e)
		k := e.Value.(*keptStmt)
		k.users++
		s.mu.Unlock()
		return k, nil
	}
	s.mu.Unlock()
	stmt, err := s.db.Reader().PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	k := &keptStmt{Stmt: stmt, text: text, users: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reads[text] != nil { // somebody else was as fast
		k.dropped = true
		return k, nil
	}
	s.reads[text] = s.recent.PushFront(k)
	if len(s.reads) > maxReadStatements {
		oldest := s.recent.Remove(s.recent.Back()).(*keptStmt)
		delete(s.reads, oldest.text)
		oldest.dropped = true
		if oldest.users == 0 {
			oldest.Close()
		}
	}
	return k, nil
}

func (s *statements) release(k *keptStmt) {
	s.mu.Lock()
	k.users--
	unused := k.dropped && k.users == 0
	s.mu.Unlock()
	if unused {
		k.Close()
	}
}
