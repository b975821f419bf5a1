package data

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// Users keeps accounts; it implements [signin.Users].
type Users struct{ db *sqldb.DB }

// NewUsers keeps accounts in the instance's database.
func NewUsers(db *sqldb.DB) *Users { return &Users{db} }

const userColumns = `id, login, name, email, email_verified, locale, user_type, is_admin, is_enabled,
	password_hash, password_changed_at, created_at, changed_at, version`

// Create implements [signin.Users].
func (s *Users) Create(ctx context.Context, a signin.Account) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := claimName(ctx, tx, a.Login, userName); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO users (`+userColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			a.ID, a.Login, a.Name, a.Email, a.EmailVerified, a.Locale, string(a.Type), a.Admin, a.Enabled,
			a.PasswordHash, sqldb.Micros(a.PasswordChangedAt), sqldb.Micros(a.CreatedAt), sqldb.Micros(a.ChangedAt), a.Version)
		return err
	})
	return emailTaken(err, a.Email)
}

// emailTaken explains the one unique key that the name pool does not guard.
func emailTaken(err error, email string) error {
	if sqldb.IsUnique(err) {
		return &tandem.Error{Code: tandem.CodeConflict, Message: fmt.Sprintf("the e-mail address %s belongs to another user", email)}
	}
	return err
}

// ByID implements [signin.Users].
func (s *Users) ByID(ctx context.Context, id string) (signin.Account, error) {
	return s.one(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id, "there is no user with the id %s", id)
}

// UserByID returns the user without what only the sign-in needs to know.
func (s *Users) UserByID(ctx context.Context, id string) (tandem.User, error) {
	a, err := s.ByID(ctx, id)
	return a.User, err
}

// ByLogin implements [signin.Users].
func (s *Users) ByLogin(ctx context.Context, login string) (signin.Account, error) {
	return s.one(ctx, `SELECT `+userColumns+` FROM users WHERE login = $1`, login, "there is no user %q", login)
}

func (s *Users) one(ctx context.Context, query, arg, missing string, args ...any) (signin.Account, error) {
	stmt, err := s.db.ReadStmt(ctx, query)
	if err != nil {
		return signin.Account{}, err
	}
	a, err := scanUser(stmt.QueryRowContext(ctx, arg))
	return a, sqldb.NotFound(err, missing, args...)
}

// List implements [signin.Users].
func (s *Users) List(ctx context.Context) ([]signin.Account, error) {
	return s.many(ctx, `SELECT `+userColumns+` FROM users ORDER BY login`)
}

// ChangedSince returns the users changed at or after the time, oldest first.
// A change becomes visible a moment after its time: who polls should look
// back further than the longest transaction, and expect repeats.
func (s *Users) ChangedSince(ctx context.Context, since time.Time) ([]tandem.User, error) {
	all, err := s.many(ctx, `SELECT `+userColumns+` FROM users WHERE changed_at >= $1 ORDER BY changed_at`, sqldb.Micros(since))
	if err != nil {
		return nil, err
	}
	users := make([]tandem.User, len(all))
	for i := range all {
		users[i] = all[i].User
	}
	return users, nil
}

func (s *Users) many(ctx context.Context, query string, args ...any) ([]signin.Account, error) {
	rows, err := s.db.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []signin.Account
	for rows.Next() {
		a, err := scanUser(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// Update implements [signin.Users].
func (s *Users) Update(ctx context.Context, id string, change func(old signin.Account) (signin.Account, error)) (signin.Account, error) {
	var changed signin.Account
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		old, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`+s.db.ForUpdate(), id))
		if err != nil {
			return sqldb.NotFound(err, "there is no user with the id %s", id)
		}
		a, err := change(old)
		if err != nil {
			return err
		}
		a.ID, a.Login, a.CreatedAt, a.Version = old.ID, old.Login, old.CreatedAt, old.Version+1
		changed = a
		_, err = tx.ExecContext(ctx, `UPDATE users SET name = $2, email = $3, email_verified = $4, locale = $5, user_type = $6,
			is_admin = $7, is_enabled = $8, password_hash = $9, password_changed_at = $10, changed_at = $11, version = $12 WHERE id = $1`,
			id, a.Name, a.Email, a.EmailVerified, a.Locale, string(a.Type),
			a.Admin, a.Enabled, a.PasswordHash, sqldb.Micros(a.PasswordChangedAt), sqldb.Micros(a.ChangedAt), a.Version)
		return err
	})
	if err != nil {
		return signin.Account{}, emailTaken(err, changed.Email)
	}
	return changed, nil
}

func scanUser(row interface{ Scan(...any) error }) (signin.Account, error) {
	var a signin.Account
	var userType string
	var passwordChanged, created, changed int64
	err := row.Scan(&a.ID, &a.Login, &a.Name, &a.Email, &a.EmailVerified, &a.Locale, &userType, &a.Admin, &a.Enabled,
		&a.PasswordHash, &passwordChanged, &created, &changed, &a.Version)
	if err != nil {
		return signin.Account{}, err
	}
	a.Type = tandem.UserType(userType)
	a.PasswordChangedAt, a.CreatedAt, a.ChangedAt = sqldb.Time(passwordChanged), sqldb.Time(created), sqldb.Time(changed)
	return a, nil
}
