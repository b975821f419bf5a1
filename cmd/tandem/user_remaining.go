package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

// remainingRow is a user who has a new password in JSON, with what else opens the account.
type remainingRow struct {
	userRow
	Factors []factorRow `json:"second_factors"`
	Codes   int         `json:"recovery_codes"`
	Links   []linkRow   `json:"links"`
}

// showRemaining shows a user who has a new password, and what that leaves: whoever had the
// account may have made some of it.
func showRemaining(ctx context.Context, r *run, a *platform.Administration, o output, u tandem.User) error {
	remains, err := a.Accounts.Remaining(ctx, u.Login)
	if err != nil {
		return err
	}
	now := time.Now()
	row := remainingRow{userRowOf(u), []factorRow{}, remains.Codes, []linkRow{}}
	fields := row.fields()
	for i := range remains.Factors {
		f := factorRowOf(remains.Factors[i])
		row.Factors = append(row.Factors, f)
		fields = append(fields, field{"remains", fmt.Sprintf("%s %q, added %s ago: %s, %s", f.Kind, f.Name, age(now, f.CreatedAt.Time), f.CreatedAt, used(f.UsedAt))})
	}
	if remains.Codes > 0 {
		fields = append(fields, field{"remains", fmt.Sprintf("%d recovery codes", remains.Codes)})
	}
	for _, l := range remains.Links {
		one := linkRowOf(l)
		row.Links = append(row.Links, one)
		fields = append(fields, field{"remains", fmt.Sprintf("link to %s, subject %q, made %s ago: %s, %s", one.Provider, one.Subject, age(now, l.CreatedAt), then(one.CreatedAt, one.CreatedBy), used(one.LastUsedAt))})
	}
	if err := showOne(r.stdout, o, row, fields); err != nil || o.Output != "table" || remains.None() {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "\nWhat remains opens the account beside the password, or instead of it. What its person does not know is ended by\n"+
		"tandem user reset-factors %[1]s, and tandem user unlink %[1]s --provider ID --subject SUB\n", plain(u.Login))
	return err
}

func used(at stamp) string {
	if at.IsZero() {
		return "never used"
	}
	return "last used " + at.String()
}

// age is how long ago something was, as precisely as people say it.
func age(now, at time.Time) string {
	d := max(0, now.Sub(at))
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}} {
		switch n := int(d / unit.long); {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than an hour"
}
