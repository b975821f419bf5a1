package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
)

// missedDays is how many days back calls are looked at that would have been refused.
const missedDays = 30

// dryRun is the flag of commands that change who may do what.
type dryRun struct {
	DryRun bool `help:"Change nothing; tell who would gain and lose what, and which calls of the last 30 days would have been refused."`
}

// changing are the flags of commands that change who may do what, and tell of it in a
// line.
type changing struct {
	store
	output
	dryRun
}

// change administers with f, or rehearses it.
func (c *changing) change(ctx context.Context, r *run, f func(*permission.Admin) error) error {
	return c.changeTypes(ctx, r, func(_ *platform.Administration, p *permission.Admin) error { return f(p) })
}

// changeTypes is change for who also looks at document types.
func (c *changing) changeTypes(ctx context.Context, r *run, f func(*platform.Administration, *permission.Admin) error) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if !c.DryRun {
			return f(a, a.Permissions)
		}
		said := r.stdout
		r.stdout = io.Discard // what f says that it has done
		e, err := a.Permissions.Rehearse(ctx, tandem.SystemTime().Add(-missedDays*24*time.Hour), func(p *permission.Admin) error { return f(a, p) })
		r.stdout = said
		if err != nil {
			return err
		}
		return showEffect(r, c.output, e)
	})
}

// rehearseKey tells of giving a row a key, or of taking it.
func (c *changing) rehearseKey(ctx context.Context, r *run, a *platform.Administration, key, row string) error {
	e, err := a.RehearseKey(ctx, key, row)
	if err != nil {
		return err
	}
	return showEffect(r, c.output, e)
}

// changeRow is what becomes of the rights of accounts, in JSON.
type changeRow struct {
	Logins []string `json:"logins"`
	// More is how many other accounts are affected in the same way.
	More   int    `json:"more"`
	On     string `json:"on"`
	Before string `json:"before"`
	After  string `json:"after"`
	Gains  string `json:"gains"`
	Loses  string `json:"loses"`
}

// useRow is a right that was used, in JSON.
type useRow struct {
	Login          string `json:"login,omitempty"`
	ApplicationURI string `json:"application_uri"`
	For            string `json:"for_person,omitempty"`
	Right          string `json:"right"`
	On             string `json:"on"`
	Calls          int64  `json:"calls"`
	FirstUsed      stamp  `json:"first_used"`
	LastUsed       stamp  `json:"last_used"`
}

// useRowOf is a use, by a key in words where it was one.
func useRowOf(u *permission.Use, login, by string) useRow {
	on := u.Set
	if u.Attribute != "" {
		on += "." + u.Attribute
	}
	if by != "" {
		on += " by " + by
	}
	return useRow{login, u.ApplicationURI, string(u.For), u.Right.String(), on, u.Calls, stamp{u.First}, stamp{u.Last}}
}

// effectRow is what a change would do, in JSON.
type effectRow struct {
	Changes []changeRow `json:"changes"`
	Refused []useRow    `json:"would_have_been_refused"`
	// Unknown are attributes whose reading was not counted, and rows: no use of one row is.
	Unknown []string `json:"not_counted"`
}

// showEffect tells what a change would do.
func showEffect(r *run, o output, e *permission.Effect) error {
	rows := effectRow{[]changeRow{}, []useRow{}, append(append([]string{}, e.Uncounted...), e.Rows...)}
	lines := []field{{"dry run", "nothing was changed"}}
	for _, affected := range e.Affected {
		who := strings.Join(affected.Logins, ", ")
		if affected.More > 0 {
			who += fmt.Sprintf(" and %d more", affected.More)
		}
		for _, c := range affected.Changes {
			rows.Changes = append(rows.Changes, changeRow{
				affected.Logins, affected.More, c.On, c.Before, c.After, c.Gains.String(), c.Loses.String(),
			})
			lines = append(lines, field{whatChanges(&c), fmt.Sprintf("%s: %s: %s → %s", who, c.On, orNothing(c.Before), orNothing(c.After))})
		}
	}
	if len(e.Affected) == 0 {
		lines = append(lines, field{"changes", "no account gains or loses anything"})
	}
	for i := range e.Missed {
		u := useRowOf(&e.Missed[i].Use, e.Missed[i].Login, e.Missed[i].By)
		rows.Refused = append(rows.Refused, u)
		lines = append(lines, field{"refused", fmt.Sprintf("%s by %s: %s %s, used %d times since %s, last %s", u.Login, u.ApplicationURI, u.Right, u.On,
			u.Calls, day(u.FirstUsed), day(u.LastUsed))})
	}
	for _, attribute := range e.Uncounted {
		lines = append(lines, field{"unknown", "who reads " + attribute + " was not counted while it had no key"})
	}
	for _, row := range e.Rows {
		lines = append(lines, field{"unknown", "who uses " + row + " was not counted, as uses are counted by set"})
	}
	return showOne(r.stdout, o, rows, lines)
}

func whatChanges(c *permission.Change) string {
	switch {
	case c.Gains != 0 && c.Loses != 0:
		return "changes"
	case c.Loses != 0:
		return "loses"
	}
	return "gains"
}

func orNothing(rights string) string {
	if rights == "" {
		return "nothing"
	}
	return rights
}

func day(s stamp) string { return s.UTC().Format(time.DateOnly) }
