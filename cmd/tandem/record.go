package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/platform"
)

type recordCommands struct {
	List    recordList    `cmd:"" help:"List what is on the record: tokens, sessions, sign-ins and administration; the newest last."`
	Export  recordExport  `cmd:"" help:"Write all that is chosen, the oldest first, as a JSON object in each line: before it is removed by its age."`
	Tail    recordTail    `cmd:"" help:"Show the newest of the record, and go on with what comes, until Ctrl-C."`
	Verify  recordVerify  `cmd:"" help:"See whether the record is as it was sealed; exit code 1 when something was changed, removed, added or moved."`
	Proof   recordProof   `cmd:"" help:"Write the proof of one event, which anybody can check offline."`
	Check   recordCheck   `cmd:"" help:"Check the proof of an event, without an instance or a database."`
	Key     recordKey     `cmd:"" help:"Print the public key by which the record's heads and proofs are checked."`
	Restart recordRestart `cmd:"" help:"Begin a new epoch of the sealed record, where the old one cannot go on: after a restore, or when its key is lost."`
}

// recordRow is an event in JSON.
type recordRow struct {
	ID             string           `json:"id"`
	At             stamp            `json:"at"`
	Kind           tandem.AuditKind `json:"kind"`
	ApplicationURI string           `json:"application_uri"`
	Actor          string           `json:"actor"`
	Flow           tandem.Flow      `json:"flow"`
	SessionID      string           `json:"session_id"`
	SignInID       string           `json:"sign_in_id"`
	TokenID        string           `json:"token_id"`
	RemoteAddr     string           `json:"remote_addr"`
	Detail         string           `json:"detail"`
	RequestID      string           `json:"request_id"`
	// Facts are what was decided by; null where nothing is kept of it.
	Facts json.RawMessage `json:"facts"`
}

func recordRowOf(e tandem.AuditEvent) recordRow {
	return recordRow{
		ID: e.ID, At: stamp{e.At}, Kind: e.Kind, ApplicationURI: e.ApplicationURI, Actor: e.Actor, Flow: e.Flow, SessionID: e.SessionID,
		SignInID: e.SignInID, TokenID: e.TokenID, RemoteAddr: e.RemoteAddr, Detail: e.Detail, RequestID: e.RequestID, Facts: factsOf(e),
	}
}

func factsOf(e tandem.AuditEvent) json.RawMessage {
	if e.Facts == "" {
		return nil
	}
	return json.RawMessage(e.Facts)
}

var recordColumns = []column[recordRow]{
	{"at", func(e recordRow) string { return e.At.String() }},
	{"kind", func(e recordRow) string { return string(e.Kind) }},
	{"actor", func(e recordRow) string { return e.Actor }},
	{"application", func(e recordRow) string { return e.ApplicationURI }},
	{"from", func(e recordRow) string { return e.RemoteAddr }},
	{"detail", func(e recordRow) string { return e.Detail }},
}

// eventKind is a kind of event that there is: of a misspelt one nothing would be
// found, which looks as if nothing had happened.
type eventKind tandem.AuditKind

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *eventKind) UnmarshalText(text []byte) error {
	*k = eventKind(text)
	if !slices.Contains(tandem.AuditKinds, tandem.AuditKind(text)) {
		return fmt.Errorf("%q is no kind of event: use one of %v", text, tandem.AuditKinds)
	}
	return nil
}

// recordFilter are the flags that choose events.
type recordFilter struct {
	Kind        eventKind   `help:"Only events of this kind, such as token_issued or administration." placeholder:"KIND"`
	Application string      `help:"Only those of an application." placeholder:"ID"`
	Actor       string      `help:"Only those of an actor: a login." placeholder:"LOGIN"`
	Session     string      `help:"Only those of an API session." placeholder:"ID"`
	Request     string      `help:"Only those of a request, by the id in its answer." placeholder:"ID"`
	Token       string      `help:"Only those of a token, by its id (the claim jti)." placeholder:"ID"`
	SignIn      string      `help:"Only those of a sign-in, by its id (the claim sid)." placeholder:"ID"`
	From        string      `help:"Only those that came from an address." placeholder:"ADDRESS"`
	Rule        eventRule   `help:"Only what this rule decided, such as cred.other_flow or scope.missing." placeholder:"RULE"`
	Flow        tandem.Flow `help:"Only those of one half: user or service." placeholder:"FLOW"`
}

// eventRule is a rule that there is, as [eventKind] is a kind.
type eventRule tandem.Rule

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *eventRule) UnmarshalText(text []byte) error {
	*k = eventRule(text)
	if _, known := tandem.Rule(text).Meaning(); !known {
		return fmt.Errorf("%q is no rule: use a name such as %s; tandem explain says what each means", text, tandem.RuleCredOtherFlow)
	}
	return nil
}

func (f *recordFilter) filter() audit.Filter {
	request, _, _ := strings.Cut(f.Request, ".") // of a repeat, the one that is on record
	return audit.Filter{
		Kind: tandem.AuditKind(f.Kind), ApplicationURI: f.Application, Actor: f.Actor, SessionID: f.Session, RequestID: request,
		TokenID: f.Token, SignInID: f.SignIn, RemoteAddr: f.From, Rule: tandem.Rule(f.Rule), Flow: f.Flow,
	}
}

type recordList struct {
	administering
	output
	recordFilter
	Since time.Time `help:"Only events from this time on." format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME"`
	Until time.Time `help:"Only events before this time." format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME"`
	Limit int       `help:"How many events at most, of the newest." default:"100" placeholder:"N"`
}

// Run lists events.
func (c *recordList) Run(ctx context.Context, r *run) error {
	if c.Limit < 1 {
		return usage("--limit %d: use 1 or more", c.Limit)
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		f := c.filter()
		f.Since, f.Until = c.Since, c.Until
		var rows []recordRow
		for len(rows) < c.Limit {
			f.Limit = min(audit.MaxPage, c.Limit-len(rows))
			events, err := a.Audit.List(ctx, f)
			if err != nil {
				return err
			}
			for _, e := range events {
				rows = append(rows, recordRowOf(e))
				f.Before = e.ID
			}
			if len(events) < f.Limit {
				break
			}
		}
		slices.Reverse(rows)
		return showList(r.stdout, c.output, rows, recordColumns)
	})
}

type recordExport struct {
	store
	recordFilter
	Since time.Time `help:"Only events from this time on." format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME"`
	Until time.Time `help:"Only events before this time." format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME"`
}

// Run writes page after page, each found by the last event of the one before, so
// that it takes no memory and holds nobody up.
func (c *recordExport) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		f := c.filter()
		f.Since, f.Until, f.Forward, f.Limit = c.Since, c.Until, true, audit.MaxPage
		out := bufio.NewWriter(r.stdout)
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		for {
			events, err := a.Audit.List(ctx, f)
			if err != nil {
				return err
			}
			for _, e := range events {
				if err := lines.Encode(recordRowOf(e)); err != nil {
					return err
				}
				f.After = e.ID
			}
			if len(events) < f.Limit {
				return out.Flush()
			}
		}
	})
}

type recordTail struct {
	store // without a bound: it goes on
	recordFilter
	Output string `short:"o" help:"Show as table, or as json: an object in each line." enum:"table,json" default:"table"`
	Lines  int    `short:"n" help:"How many events to begin with." default:"10" placeholder:"N"`
	Once   bool   `help:"Do not go on with what comes."`
}

// How tail follows. An event can be written a moment after the time it carries.
const (
	tailEvery   = time.Second
	tailOverlap = 10 * time.Second
)

// Run follows the record.
func (c *recordTail) Run(ctx context.Context, r *run) error {
	if c.Lines < 0 || c.Lines > audit.MaxPage {
		return usage("--lines %d: use 0 to %d", c.Lines, audit.MaxPage)
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		tail := &recordTailing{recordTail: c, run: r, shown: map[string]time.Time{}}
		f := c.filter()
		f.Limit = max(1, c.Lines)
		for first := true; ; first = false {
			events, err := a.Audit.List(ctx, f)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			if err := tail.show(events, first && c.Lines == 0); err != nil || c.Once {
				return err
			}
			f.Limit, f.Since = audit.MaxPage, tail.newest.Add(-tailOverlap)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(tailEvery):
			}
		}
	})
}

// recordTailing is a tail under way: shown are the events of the last moments.
type recordTailing struct {
	*recordTail
	*run
	shown  map[string]time.Time
	newest time.Time
}

// show writes the events that were not shown yet; silent ones only count as shown.
func (t *recordTailing) show(events []tandem.AuditEvent, silent bool) error {
	slices.Reverse(events)
	table := tabwriter.NewWriter(t.stdout, 20, 0, 2, ' ', 0)
	for _, e := range events {
		if _, known := t.shown[e.ID]; known {
			continue
		}
		t.shown[e.ID] = e.At
		if e.At.After(t.newest) {
			t.newest = e.At
		}
		if silent {
			continue
		}
		row := recordRowOf(e)
		if t.Output == "json" {
			text, err := json.Marshal(row)
			if err != nil {
				return err
			}
			fmt.Fprintln(t.stdout, string(text))
			continue
		}
		for i, c := range recordColumns {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, plain(c.cell(row)))
		}
		fmt.Fprintln(table)
	}
	for id, at := range t.shown {
		if at.Before(t.newest.Add(-2 * tailOverlap)) {
			delete(t.shown, id)
		}
	}
	return table.Flush()
}
