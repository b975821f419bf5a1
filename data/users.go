package data

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// Users keeps accounts; it implements [signin.Users],
// [registry.Users] and [registry.Accounts].
type Users struct{ db *sqldb.DB }

// NewUsers keeps accounts in the instance's database.
func NewUsers(db *sqldb.DB) *Users { return &Users{db} }

var users = sqldb.NewTable("users", func(a *signin.Account, column sqldb.Column) {
	column("id", &a.ID)
	column("login", &a.Login)
	column("name", &a.Name)
	column("email", &a.Email)
	column("email_verified", &a.EmailVerified)
	column("locale", &a.Locale)
	column("zoneinfo", &a.Zoneinfo)
	column("user_type", &a.Type)
	column("is_admin", &a.Admin)
	column("is_enabled", &a.Enabled)
	column("password_hash", &a.PasswordHash)
	column("password_changed_at", sqldb.TimeField(&a.PasswordChangedAt))
	column("created_at", sqldb.TimeField(&a.CreatedAt))
	column("changed_at", sqldb.TimeField(&a.ChangedAt))
	column("version", &a.Version)
	column("created_by", &a.CreatedBy)
	column("last_sign_in_at", sqldb.TimeField(&a.LastSignInAt))
	column("password_origin", &a.PasswordOrigin)
	column("second_factor_required", &a.SecondFactorRequired)
	column("password_must_change", &a.MustChangePassword)
	column("login_key", (*loginKey)(&a.Login))
})

// loginKey writes what a login is compared by; it is never read.
type loginKey string

func (k *loginKey) Value() (driver.Value, error) { return signin.LoginKey(string(*k)), nil }
func (k *loginKey) Scan(any) error               { return nil }

// Create implements [signin.Users].
func (s *Users) Create(ctx context.Context, a signin.Account) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := claimName(ctx, tx, a.Login, userName, a.CreatedAt); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, users.Insert, users.Values(&a)...); err != nil {
			return err
		}
		return noteUserChange(ctx, tx, a.ID)
	})
	return emailTaken(err, a.Email)
}

// emailTaken explains the one unique key that the name pool does not guard.
func emailTaken(err error, email string) error {
	if sqldb.IsUnique(err) {
		return tandem.Errorf(tandem.CodeConflict, "the e-mail address %s belongs to another user", email)
	}
	return err
}

// ByID implements [signin.Users].
func (s *Users) ByID(ctx context.Context, id string) (signin.Account, error) {
	return s.one(ctx, `WHERE id = $1`, id, "there is no user with the id %s", id)
}

// UserByID implements [registry.Users]: the user without what only the sign-in
// needs to know.
func (s *Users) UserByID(ctx context.Context, id string) (tandem.User, error) {
	a, err := s.ByID(ctx, id)
	return a.User, err
}

// UserByLogin implements [registry.Accounts].
func (s *Users) UserByLogin(ctx context.Context, login string) (tandem.User, error) {
	a, err := s.ByLogin(ctx, login)
	return a.User, err
}

// ByLogin implements [signin.Users].
func (s *Users) ByLogin(ctx context.Context, login string) (signin.Account, error) {
	return s.one(ctx, `WHERE login_key = $1`, signin.LoginKey(login), "there is no user %q", login)
}

// ByEmail implements [signin.Users].
func (s *Users) ByEmail(ctx context.Context, email string) (signin.Account, error) {
	return s.one(ctx, `WHERE lower(email) = lower($1) AND email <> ''`, email, "no user has this e-mail address")
}

func (s *Users) one(ctx context.Context, where, arg, missing string, args ...any) (signin.Account, error) {
	stmt, err := s.db.ReadStmt(ctx, users.Select+where)
	if err != nil {
		return signin.Account{}, err
	}
	a, err := users.One(stmt.QueryRowContext(ctx, arg))
	return a, sqldb.NotFound(err, missing, args...)
}

// listedUsers are users without what only the sign-in needs.
var listedUsers = sqldb.NewTable("users", func(u *tandem.User, column sqldb.Column) {
	column("id", &u.ID)
	column("login", &u.Login)
	column("name", &u.Name)
	column("email", &u.Email)
	column("email_verified", &u.EmailVerified)
	column("locale", &u.Locale)
	column("user_type", &u.Type)
	column("is_admin", &u.Admin)
	column("is_enabled", &u.Enabled)
	column("created_at", sqldb.TimeField(&u.CreatedAt))
	column("changed_at", sqldb.TimeField(&u.ChangedAt))
	column("created_by", &u.CreatedBy)
	column("last_sign_in_at", sqldb.TimeField(&u.LastSignInAt))
	column("password_origin", &u.PasswordOrigin)
	column("second_factor_required", &u.SecondFactorRequired)
})

// Page implements [signin.Users].
func (s *Users) Page(ctx context.Context, f signin.Filter, after string, limit int) ([]tandem.User, error) {
	var w where
	w.add("login_key > ?", signin.LoginKey(after))
	w.add("login NOT LIKE '%#%'") // deleted
	w.when(f.Type != "", "user_type = ?", string(f.Type))
	w.when(f.Admin, "is_admin")
	w.when(f.Disabled, "NOT is_enabled")
	w.when(f.Text != "", s.db.Contains("lower(login || ' ' || name || ' ' || email)", "?"), lowerASCII(f.Text))
	return listedUsers.All(s.db.Reader().QueryContext(ctx, listedUsers.Select+w.text()+` ORDER BY login_key LIMIT `+strconv.Itoa(limit), w.args...))
}

// Update implements [signin.Users].
func (s *Users) Update(ctx context.Context, id string, change func(old signin.Account) (signin.Account, error)) (signin.Account, error) {
	var changed signin.Account
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		old, err := users.One(tx.QueryRowContext(ctx, users.Select+`WHERE id = $1`+s.db.ForUpdate(), id))
		if err != nil {
			return sqldb.NotFound(err, "there is no user with the id %s", id)
		}
		a, err := change(old)
		if err != nil {
			return err
		}
		a.ID, a.Login, a.CreatedAt, a.Version = old.ID, old.Login, old.CreatedAt, old.Version+1
		changed = a
		if _, err = tx.ExecContext(ctx, users.Update, users.Values(&a)...); err != nil {
			return err
		}
		return noteUserChange(ctx, tx, id)
	})
	if err != nil {
		return signin.Account{}, emailTaken(err, changed.Email)
	}
	return changed, nil
}

// Delete implements [signin.Users]. The row stays, so that what refers to it
// still does, and so that everybody who follows the accounts sees it go: disabled,
// without the person's data, under a login that nobody can have, with a #.
func (s *Users) Delete(ctx context.Context, id string, at time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		a, err := users.One(tx.QueryRowContext(ctx, users.Select+`WHERE id = $1`+s.db.ForUpdate(), id))
		if err != nil {
			return sqldb.NotFound(err, "there is no user with the id %s", id)
		}
		if strings.Contains(a.Login, "#") {
			return nil // deleted already
		}
		if err := releaseName(ctx, tx, a.Login, userName, at); err != nil {
			return err
		}
		gone := signin.Account{User: tandem.User{
			ID: id, Login: "#" + id, Name: "deleted user", Type: a.Type, CreatedAt: a.CreatedAt, ChangedAt: at,
			Version: a.Version + 1,
		}}
		if _, err := tx.ExecContext(ctx, users.Update, users.Values(&gone)...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM second_factors WHERE user_id = $1`, id); err != nil {
			return err
		}
		if _, err := endReferences(ctx, tx, "user_id = $3", id, "the end of its account", at); err != nil {
			return err
		}
		if err := deletePicture(ctx, tx, id); err != nil {
			return err
		}
		if err := forgetConsents(ctx, tx, "user_id", id); err != nil {
			return err
		}
		if err := leaveGroups(ctx, tx, id); err != nil {
			return err
		}
		for _, table := range []string{"outside_links", "outside_links_ended"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE user_id = $1`, id); err != nil {
				return err
			}
		}
		return noteUserChange(ctx, tx, id)
	})
}
