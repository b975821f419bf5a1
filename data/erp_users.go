package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// usersTable has the copy of the accounts that the ERP's rows refer to.
const usersTable = "erp_users"

// FollowUsers brings the ERP's copy of the accounts up to date: with all that
// was committed before the call. It may be called from many replicas at once.
//
// How far the copy has come is kept beside it, in the transaction that changes
// it, so that nothing is lost when a process dies. Accounts that are older than
// what the copy has seen are those of a backup; then the copy is made afresh.
func (e *ERP) FollowUsers(ctx context.Context, from *Users) error {
	table := e.usersTable()
	if table == nil {
		return nil
	}
	for {
		done, err := e.copied(ctx, factUsers)
		if err != nil {
			return err
		}
		found, err := from.changes(ctx, done)
		if err != nil || found.Last == done {
			return err
		}
		if err := e.db.Write(ctx, func(tx *sql.Tx) error { return e.takeUsers(ctx, tx, table, done, found) }); err != nil {
			return fmt.Errorf("copy the accounts: %w", err)
		}
	}
}

// usersTable is nil for a model without users.
func (e *ERP) usersTable() *table {
	for _, s := range e.model.Sets {
		if s.Table == usersTable {
			return e.tables[s]
		}
	}
	return nil
}

// factUsers is the number of the last change of the accounts that was copied.
const factUsers = "users"

const readFact = `SELECT value FROM erp_facts WHERE name = $1`

// copied is how far a copy that follows the other database has come: the number of the
// last change it has.
func (e *ERP) copied(ctx context.Context, name string) (int64, error) {
	stmt, err := e.db.ReadStmt(ctx, readFact)
	if err != nil {
		return 0, err
	}
	return seen(stmt.QueryRowContext(ctx, name))
}

func seen(row *sql.Row) (int64, error) {
	var text string
	if err := row.Scan(&text); errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// takeUsers copies changes, unless another replica has done so meanwhile.
func (e *ERP) takeUsers(ctx context.Context, tx *sql.Tx, table *table, after int64, found userChanges) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO erp_facts (name, value) VALUES ($1, '0') ON CONFLICT (name) DO NOTHING`, factUsers)
	if err != nil {
		return err
	}
	now, err := seen(tx.QueryRowContext(ctx, readFact+e.db.ForUpdate(), factUsers))
	if err != nil || now != after {
		return err
	}
	upto := found.Upto
	if found.Last < after { // a backup
		upto = 0
		_, err = tx.ExecContext(ctx, `DELETE FROM erp_users`)
	} else {
		err = replaceUsers(ctx, tx, table, found)
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE erp_facts SET value = $2 WHERE name = $1`, factUsers, strconv.FormatInt(upto, 10))
	return err
}

func replaceUsers(ctx context.Context, tx *sql.Tx, table *table, found userChanges) error {
	for _, id := range found.IDs {
		if _, err := tx.ExecContext(ctx, table.remove, id); err != nil {
			return err
		}
	}
	for i := range found.Users {
		var args []any
		for _, c := range table.columns {
			v, err := userValue(&found.Users[i], c.property)
			if err != nil {
				return err
			}
			args = append(args, c.arg(v))
		}
		if _, err := tx.ExecContext(ctx, table.insert, args...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, takePerson, found.Users[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// takePerson gives the copy of an account its person.
const takePerson = `UPDATE erp_users SET person = (SELECT person FROM erp_user_persons WHERE "user" = $1) WHERE id = $1`

// SetPerson says which person of the ERP an account is; an empty one that it is none.
// The error is [tandem.CodeConflict] where another account is that person.
func (e *ERP) SetPerson(ctx context.Context, userID, person string) error {
	return e.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM erp_user_persons WHERE "user" = $1`, userID); err != nil {
			return err
		}
		if person != "" {
			_, err := tx.ExecContext(ctx, `INSERT INTO erp_user_persons ("user", person) VALUES ($1, $2)`, userID, person)
			if sqldb.UniqueKey(err) != "" {
				return tandem.Errorf(tandem.CodeConflict, "another account is this person already; take it away there first, with tandem user person LOGIN --none")
			}
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, takePerson, userID)
		return err
	})
}

// PersonOf is which person of the ERP an account is; empty for none.
func (e *ERP) PersonOf(ctx context.Context, userID string) (person string, err error) {
	err = e.db.Reader().QueryRowContext(ctx, `SELECT person FROM erp_user_persons WHERE "user" = $1`, userID).Scan(&person)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return person, err
}

// userValue is what the entity model shows of an account.
func userValue(u *tandem.User, p *model.Property) (model.Value, error) {
	optional := func(text string) model.Value { return model.Value{Text: text, Null: text == ""} }
	flag := func(is bool) model.Value {
		if is {
			return model.Value{Int: 1}
		}
		return model.Value{}
	}
	switch p.Name {
	case "Id":
		return model.Value{Text: u.ID}, nil
	case "AggregateLastUpdateTimeUtc":
		return model.Value{Int: sqldb.Micros(u.ChangedAt)}, nil
	case "CreationTimeUtc":
		return model.Value{Int: sqldb.Micros(u.CreatedAt)}, nil
	case "Login":
		return model.Value{Text: u.Login}, nil
	case "Name":
		return model.Value{Text: u.Name}, nil
	case "Email":
		return optional(u.Email), nil
	case "DefaultLanguage":
		return optional(u.Locale), nil
	case "EmailConfirmed":
		return flag(u.EmailVerified), nil
	case "Active":
		return flag(u.Enabled), nil
	case "IsAdmin":
		return flag(u.Admin), nil
	case "Person":
		return model.NullValue, nil // see takePerson
	case "UserType":
		n, ok := p.Enum.Member(string(u.Type))
		if !ok {
			return model.Value{}, fmt.Errorf("the model has no type of user %q", u.Type)
		}
		return model.Value{Int: n}, nil
	}
	return model.Value{}, fmt.Errorf("an account has nothing for %s", p.Name)
}
