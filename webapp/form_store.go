package webapp

import (
	"context"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/sqldb"
)

var _ client.FormStore = (*SessionStore)(nil)

// KeepForm implements [client.FormStore].
func (s *SessionStore) KeepForm(ctx context.Context, f client.StoredForm) error {
	_, err := s.exec(ctx, `DELETE FROM webapp_forms WHERE user_id = $1 AND key NOT IN (
		SELECT key FROM webapp_forms WHERE user_id = $1 ORDER BY expires_at DESC, key LIMIT $2)`, f.UserID, client.MaxKeptForms-1)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `INSERT INTO webapp_forms (key, user_id, sealed, expires_at) VALUES ($1, $2, $3, $4)`,
		f.Key[:], f.UserID, f.Sealed, sqldb.Micros(f.ExpiresAt))
	return err
}

// Form implements [client.FormStore].
func (s *SessionStore) Form(ctx context.Context, key client.SessionKey) (client.StoredForm, error) {
	f := client.StoredForm{Key: key}
	stmt, err := s.db.ReadStmt(ctx, `SELECT user_id, sealed, expires_at FROM webapp_forms WHERE key = $1`)
	if err != nil {
		return f, err
	}
	var expires int64
	if err := stmt.QueryRowContext(ctx, key[:]).Scan(&f.UserID, &f.Sealed, &expires); err != nil {
		return client.StoredForm{}, sqldb.NotFound(err, "this form is not kept any more")
	}
	f.ExpiresAt = sqldb.Time(expires)
	return f, nil
}

// PurgeForms implements [client.FormStore].
func (s *SessionStore) PurgeForms(ctx context.Context, now time.Time) error {
	_, err := s.purge(ctx, "webapp_forms", now)
	return err
}

// requestKey names a form that was sent: the hash of its token and content.
type requestKey [32]byte

// claim notes that a form is acted on, and reports false when one with the same
// key is, or was, already. What is noted ends at expiresAt.
func (s *SessionStore) claim(ctx context.Context, key requestKey, expiresAt time.Time) (bool, error) {
	n, err := s.exec(ctx, `INSERT INTO webapp_requests (key, location, expires_at) VALUES ($1, '', $2) ON CONFLICT (key) DO NOTHING`,
		key[:], sqldb.Micros(expiresAt))
	return n == 1, err
}

// settle notes where the form led; empty means that nothing was done, and that it
// may come again.
func (s *SessionStore) settle(ctx context.Context, key requestKey, location string) error {
	var err error
	if location == "" {
		_, err = s.exec(ctx, `DELETE FROM webapp_requests WHERE key = $1`, key[:])
	} else {
		_, err = s.exec(ctx, `UPDATE webapp_requests SET location = $2 WHERE key = $1`, key[:], location)
	}
	return err
}

// led is where a form led: empty while it is worked on, and an error that matches
// [tandem.ErrNotFound] when it is not noted any more.
func (s *SessionStore) led(ctx context.Context, key requestKey) (location string, err error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT location FROM webapp_requests WHERE key = $1`)
	if err != nil {
		return "", err
	}
	err = stmt.QueryRowContext(ctx, key[:]).Scan(&location)
	return location, sqldb.NotFound(err, "this form is not noted")
}

func (s *SessionStore) purgeRequests(ctx context.Context, now time.Time) error {
	_, err := s.purge(ctx, "webapp_requests", now)
	return err
}

// newWritable asks whether the web app's database takes a change.
func newWritable(db *sqldb.DB) *sqldb.Writable {
	return sqldb.NewWritable(db, `INSERT INTO webapp_requests (key, location, expires_at) VALUES ($1, $2, 0)`, `DELETE FROM webapp_requests WHERE key = $1`)
}
