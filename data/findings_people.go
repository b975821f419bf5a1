package data

import (
	"context"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

// personColumns are what a rule looks at of a person, and how many there are.
const personColumns = `SELECT id, login, created_at, last_sign_in_at,
	second_factor_required OR EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = users.id AND f.kind <> 'recovery'), COUNT(*) OVER () FROM users WHERE is_enabled AND user_type <> 'SystemUserNoLogin' AND `

// mostAdministrators is how many of them are looked at: more are too many anyway.
const mostAdministrators = 1000

// readPersons reads people that rules are about, and how many there are beyond a number.
func readPersons(ctx context.Context, q querier, limit int, where string, args ...any) (all []findings.Person, beyond int, err error) {
	rows, err := q.QueryContext(ctx, personColumns+where+` ORDER BY login LIMIT `+strconv.Itoa(limit), args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var p findings.Person
		var n int
		if err := rows.Scan(&p.ID, &p.Login, sqldb.TimeField(&p.At), sqldb.TimeField(&p.SignedIn), &p.SecondFactor, &n); err != nil {
			return nil, 0, err
		}
		all = append(all, p)
		beyond = n - len(all)
	}
	return all, beyond, rows.Err()
}

// readPeople reads the administrators, accounts of the demo, and internal users who did not
// sign in for long.
func readPeople(ctx context.Context, q querier, f *findings.Facts) (err error) {
	if f.Administrators, _, err = readPersons(ctx, q, mostAdministrators, `is_admin AND user_type = 'InternalUser'`); err != nil {
		return err
	}
	f.Demo, f.Beyond["USR-05"], err = readPersons(ctx, q, findings.MostOfARule, `(password_origin = $1 OR created_by = $2)`,
		string(tandem.PasswordDemo), demoMaker)
	if err != nil {
		return err
	}
	before := sqldb.Micros(f.Now.Add(-time.Duration(f.Limits.PersonIdleDays) * 24 * time.Hour))
	f.Unseen, f.Beyond["USR-04"], err = readPersons(ctx, q, findings.MostOfARule,
		`user_type = 'InternalUser' AND NOT is_admin AND last_sign_in_at < $1 AND created_at < $1`, before)
	if err != nil {
		return err
	}
	set := sqldb.Micros(f.Now.Add(-time.Duration(f.Limits.PasswordBySomeoneDays) * 24 * time.Hour))
	f.Chosen, f.Beyond["USR-08"], err = readPersons(ctx, q, findings.MostOfARule,
		`password_origin = $1 AND NOT password_must_change AND password_changed_at < $2`, string(tandem.PasswordAdmin), set)
	if err != nil {
		return err
	}
	return readSince(ctx, q, f)
}

// demoMaker is whoever makes the accounts of the demo.
const demoMaker = "tandem:demo"

// factSignIns is from when on last sign-ins are noted, in microseconds.
const factSignIns = "last sign-ins since"

func readSince(ctx context.Context, q querier, f *findings.Facts) error {
	rows, err := q.QueryContext(ctx, `SELECT value FROM instance WHERE name = $1`, factSignIns)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		f.Since[findings.Persons] = sqldb.Time(at)
	}
	return rows.Err()
}

// readMakers reads of those who answer for applications, or have made credentials, whether
// they have an account that is enabled.
func readMakers(ctx context.Context, q querier, f *findings.Facts) error {
	rows, err := q.QueryContext(ctx, `SELECT w.who, COALESCE(
			(SELECT CASE WHEN u.is_enabled THEN 2 ELSE 1 END FROM users u WHERE u.login_key = lower(w.who)),
			(SELECT CASE WHEN u.is_enabled THEN 2 ELSE 1 END FROM users u WHERE lower(u.email) = lower(w.who) AND u.email <> ''), 0)
		FROM (SELECT owner AS who FROM applications WHERE deleted_at = 0 AND owner <> ''
			UNION SELECT created_by FROM credentials WHERE revoked_at = 0 AND created_by <> '') w`)
	if err != nil {
		return err
	}
	defer rows.Close()
	f.Makers = map[string]findings.Standing{}
	for rows.Next() {
		var who string
		var standing int
		if err := rows.Scan(&who, &standing); err != nil {
			return err
		}
		f.Makers[who] = findings.Standing(standing)
	}
	return rows.Err()
}
