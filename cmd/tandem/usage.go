package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	uses "github.com/hybridapps/tandem/usage"
)

type usageCommands struct {
	Show    usageShow    `cmd:"" default:"withargs" help:"Show what applications were granted and what they use, half by half."`
	Licence usageLicence `cmd:"" help:"Show how many licence slots were in use at most, day by day, and how often none was free."`
	Events  usageEvents  `cmd:"" help:"Show how many of which events there were: tokens issued and refused, sign-ins, sessions …"`
}

// window is the flag of commands that look back.
type window struct {
	Days int `help:"How many days back, today included." default:"90" placeholder:"N"`
}

// since is the first day that is looked at.
func (w *window) since(a *platform.Administration) (uses.Day, error) {
	if w.Days < 1 || w.Days > uses.Kept {
		return 0, usage("--days %d: use 1 to %d, which is for how long uses are kept", w.Days, uses.Kept)
	}
	return a.Today() - uses.Day(w.Days) + 1, nil
}

// halfRow is a half of an application in JSON.
type halfRow struct {
	ApplicationURI string      `json:"application_uri"`
	Flow           tandem.Flow `json:"flow"`
	Granted        []string    `json:"granted"`
	Used           []string    `json:"used"`
	Unused         []string    `json:"unused"`
	Calls          int64       `json:"calls"`
	Writes         int64       `json:"writes"`
	Tokens         int64       `json:"tokens"`
	TokensADay     float64     `json:"tokens_a_day"`
	LastUsed       *string     `json:"last_used"`
	Days           int         `json:"days"`
	Things         []thingRow  `json:"things,omitempty"`
	TokensByDay    []countRow  `json:"tokens_by_day,omitempty"`
}

// thingRow is something that was used.
type thingRow struct {
	What      string `json:"what"`
	Name      string `json:"name"`
	Calls     int64  `json:"calls"`
	FirstUsed string `json:"first_used"`
	LastUsed  string `json:"last_used"`
}

type countRow struct {
	Day string `json:"day"`
	N   int64  `json:"n"`
}

// words are a scope in JSON: never null.
func words(s tandem.Scope) []string { return append([]string{}, s...) }

// halfRowOf is the row of a half that is counted for so many days.
func halfRowOf(h *platform.HalfUse, days int) halfRow {
	row := halfRow{
		ApplicationURI: h.ApplicationURI, Flow: h.Flow, Granted: words(h.Granted), Used: words(h.Used), Unused: words(h.Unused()),
		Calls: h.Calls, Writes: h.Writes, Tokens: h.Tokens, Days: days,
	}
	if days > 0 {
		row.TokensADay = float64(int(float64(h.Tokens)/float64(days)*10+0.5)) / 10
	}
	if h.Last > 0 {
		last := h.Last.String()
		row.LastUsed = &last
	}
	return row
}

// last is the day of the last use for a table.
func (r *halfRow) last() string {
	if r.LastUsed == nil {
		return "never"
	}
	return *r.LastUsed
}

type usageShow struct {
	administering
	listing
	window
	App string `help:"One application, with all that it has used." placeholder:"ID"`
}

// countedDays is how many of the days from since on are counted.
func countedDays(ctx context.Context, a *platform.Administration, since uses.Day) (int, error) {
	first, err := a.UsesSince(ctx)
	if first == 0 || err != nil {
		return 0, err
	}
	return int(a.Today() - max(first, since) + 1), nil
}

// Run shows what is used.
func (c *usageShow) Run(ctx context.Context, r *run) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		since, err := c.since(a)
		if err != nil {
			return err
		}
		days, err := countedDays(ctx, a, since)
		if err != nil {
			return err
		}
		if days < c.Days {
			fmt.Fprintf(r.stderr, "tandem: uses are counted for %d of the %d days\n", days, c.Days)
		}
		if c.App != "" {
			return c.one(ctx, r, a, since, days)
		}
		rows := a.EachHalf(ctx, registry.Filter{}, since)
		return showRows(r.stdout, c.listing, rows, func(h *platform.HalfUse) halfRow { return halfRowOf(h, days) }, []column[halfRow]{
			{"application", func(h halfRow) string { return h.ApplicationURI }},
			{"half", func(h halfRow) string { return string(h.Flow) }},
			{"granted", func(h halfRow) string { return strings.Join(h.Granted, " ") }},
			{"used", func(h halfRow) string { return strings.Join(h.Used, " ") }},
			{"calls", func(h halfRow) string { return strconv.FormatInt(h.Calls, 10) }},
			{"writes", func(h halfRow) string { return strconv.FormatInt(h.Writes, 10) }},
			{"tokens a day", func(h halfRow) string { return strconv.FormatFloat(h.TokensADay, 'f', -1, 64) }},
			{"last used", func(h halfRow) string { return h.last() }},
		})
	})
}

// one shows one application.
func (c *usageShow) one(ctx context.Context, r *run, a *platform.Administration, since uses.Day, days int) error {
	app, err := a.Apps.Get(ctx, c.App)
	if err != nil {
		return err
	}
	halves, err := a.Halves(ctx, &app, since)
	if err != nil {
		return err
	}
	rows, lines := []halfRow{}, []field{}
	for _, h := range halves {
		row := halfRowOf(h, days)
		for _, u := range h.Things {
			row.Things = append(row.Things, thingRow{u.What, thingName(&app, u.What), h.Sums[u.What], u.First.String(), u.Last.String()})
		}
		if row.TokensByDay, err = tokensByDay(ctx, a, app.ID, h.Flow, since); err != nil {
			return err
		}
		rows = append(rows, row)
		lines = append(lines, halfLines(&row)...)
	}
	return showOne(r.stdout, c.output, rows, lines)
}

// tokensByDay are how many tokens a half got on each day on which it got any.
func tokensByDay(ctx context.Context, a *platform.Administration, id string, flow tandem.Flow, since uses.Day) (all []countRow, err error) {
	f := uses.Filter{Span: uses.WholeDay, Since: since.Start(), Kind: string(tandem.AuditTokenIssued), ApplicationID: id}
	return all, a.EachTally(ctx, f, func(t *uses.Tally) error {
		if t.Flow == flow {
			all = append(all, countRow{uses.DayOf(t.At).String(), t.N})
		}
		return nil
	})
}

// halfLines are the lines of a half.
func halfLines(h *halfRow) []field {
	lines := []field{
		{string(h.Flow) + " half", fmt.Sprintf("last used %s", h.last())},
		{"  granted", strings.Join(h.Granted, " ")},
		{"  used", strings.Join(h.Used, " ")},
		{"  calls", fmt.Sprintf("%d, %d of them writes", h.Calls, h.Writes)},
		{"  tokens", fmt.Sprintf("%d, %s a day", h.Tokens, strconv.FormatFloat(h.TokensADay, 'f', -1, 64))},
	}
	if len(h.Unused) > 0 {
		lines = append(lines, field{"  not used", strings.Join(h.Unused, " ") + " (narrow it: " + narrow(h) + ")"})
	}
	for _, t := range h.Things {
		lines = append(lines, field{"  " + t.Name, fmt.Sprintf("%d, last %s", t.Calls, t.LastUsed)})
	}
	return lines
}

// narrow is the command that leaves a half what it uses.
func narrow(h *halfRow) string {
	return fmt.Sprintf("tandem app update %s --%s-scope %q", h.ApplicationURI, h.Flow, strings.Join(h.Used, " "))
}

// thingName says what was used in words of the application's registration.
func thingName(app *tandem.TrustedApp, what string) string {
	if name, ok := strings.CutPrefix(what, string(uses.Redirect)); ok {
		for _, uri := range app.RedirectURIs {
			if uses.RedirectName(uri) == name {
				return "redirect " + uri
			}
		}
		return "redirect " + name + " (not registered any more)"
	}
	if set, ok := strings.CutPrefix(what, string(uses.Set)); ok {
		if set, read := strings.CutSuffix(set, ":r"); read {
			return "read " + set
		}
		return "write " + strings.TrimSuffix(set, ":w")
	}
	if id, ok := strings.CutPrefix(what, string(uses.Credential)); ok {
		return "credential " + id
	}
	if instance, ok := strings.CutPrefix(what, string(uses.Instance)); ok {
		return strings.TrimSpace("instance " + instance)
	}
	kind, name, _ := strings.Cut(what, ":")
	return kind + " " + name
}

type usageLicence struct {
	administering
	listing
	window
}

// licenceDayRow is a day of the licence in JSON.
type licenceDayRow struct {
	Day     string `json:"day"`
	Peak    int64  `json:"peak"`
	Users   int64  `json:"peak_users"`
	Service int64  `json:"peak_services"`
	Opened  int64  `json:"sessions_opened"`
	Refused int64  `json:"sessions_refused"`
}

// add adds a tally of the day.
func (d *licenceDayRow) add(t *uses.Tally) {
	kind, _, _ := strings.Cut(t.Kind, ":")
	switch {
	case t.Kind == uses.PeakSlots && t.Flow == tandem.FlowUser:
		d.Users = t.N
	case t.Kind == uses.PeakSlots && t.Flow == tandem.FlowService:
		d.Service = t.N
	case t.Kind == uses.PeakSlots:
		d.Peak = t.N
	case kind == string(tandem.AuditSessionOpened):
		d.Opened += t.N
	case kind == string(tandem.AuditSessionRefused):
		d.Refused += t.N
	}
}

// Run shows how the licence was used.
func (c *usageLicence) Run(ctx context.Context, r *run) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		since, err := c.since(a)
		if err != nil {
			return err
		}
		rows := []licenceDayRow{}
		err = a.EachTally(ctx, uses.Filter{Span: uses.WholeDay, Since: since.Start()}, func(t *uses.Tally) error {
			day := uses.DayOf(t.At).String()
			if len(rows) == 0 || rows[len(rows)-1].Day != day {
				rows = append(rows, licenceDayRow{Day: day})
			}
			rows[len(rows)-1].add(t)
			return nil
		})
		if err != nil {
			return err
		}
		return showEach(r.stdout, c.listing, each(rows), []column[licenceDayRow]{
			{"day", func(d licenceDayRow) string { return d.Day }},
			{"peak", func(d licenceDayRow) string { return strconv.FormatInt(d.Peak, 10) }},
			{"users", func(d licenceDayRow) string { return strconv.FormatInt(d.Users, 10) }},
			{"services", func(d licenceDayRow) string { return strconv.FormatInt(d.Service, 10) }},
			{"opened", func(d licenceDayRow) string { return strconv.FormatInt(d.Opened, 10) }},
			{"refused", func(d licenceDayRow) string { return strconv.FormatInt(d.Refused, 10) }},
		})
	})
}

type usageEvents struct {
	administering
	listing
	Days    int    `help:"How many days back, today included; with --moments at most 8." default:"8" placeholder:"N"`
	App     string `help:"Only those of an application." placeholder:"ID"`
	Kind    string `help:"Only those of a kind: token_issued, token_refused, sign_in_failed …" placeholder:"KIND"`
	Moments bool   `help:"By five minutes, and not by days."`
}

// tallyRow is a tally in JSON.
type tallyRow struct {
	At            stamp       `json:"at"`
	Kind          string      `json:"kind"`
	ApplicationID string      `json:"application_id"`
	Flow          tandem.Flow `json:"flow"`
	N             int64       `json:"n"`
}

// Run shows tallies.
func (c *usageEvents) Run(ctx context.Context, r *run) error {
	f := uses.Filter{Span: uses.WholeDay, Kind: c.Kind}
	if c.Moments {
		f.Span = uses.Moment
	}
	if most := int(uses.MomentsKept / uses.WholeDay); c.Moments && c.Days > most {
		return usage("--days %d: moments are kept for %d days", c.Days, most)
	}
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		since, err := (&window{c.Days}).since(a)
		if err != nil {
			return err
		}
		if c.App != "" {
			app, err := a.Apps.Get(ctx, c.App)
			if err != nil {
				return err
			}
			f.ApplicationID = app.ID
		}
		f.Since = since.Start()
		rows := []tallyRow{}
		err = a.EachTally(ctx, f, func(t *uses.Tally) error {
			rows = append(rows, tallyRow{stamp{t.At}, t.Kind, t.ApplicationID, t.Flow, t.N})
			return nil
		})
		if err != nil {
			return err
		}
		return showEach(r.stdout, c.listing, each(rows), []column[tallyRow]{
			{"at", func(t tallyRow) string { return t.At.String() }},
			{"kind", func(t tallyRow) string { return t.Kind }},
			{"half", func(t tallyRow) string { return string(t.Flow) }},
			{"application", func(t tallyRow) string { return t.ApplicationID }},
			{"n", func(t tallyRow) string { return strconv.FormatInt(t.N, 10) }},
		})
	})
}
