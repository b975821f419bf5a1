package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

type explainCommand struct {
	administering
	output
	As   string   `help:"Login of the account whose call it is." placeholder:"LOGIN"`
	What []string `arg:"" help:"A call, such as 'GET Set(id)?$select=Name' or 'PATCH Set(id) Name,Notes', or the id of a request that was refused."`
}

// Run tells why a call is allowed or refused.
func (c *explainCommand) Run(ctx context.Context, r *run) error {
	what := strings.Join(c.What, " ")
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.As == "" {
			if strings.Contains(strings.TrimSpace(what), " ") {
				return usage("say whose call it is: tandem explain --as LOGIN '%s'", what)
			}
			x, err := a.ExplainRequest(ctx, what)
			if err != nil {
				return err
			}
			return c.showRequest(r, x)
		}
		x, err := a.Explain(ctx, c.As, what)
		if err != nil {
			return err
		}
		return c.showCall(r, x)
	})
}

// stepRow is one decision in JSON.
type stepRow struct {
	What    string   `json:"what"`
	Allowed bool     `json:"allowed"`
	By      []string `json:"by"`
	Others  []string `json:"other_groups_that_give_it"`
}

func stepRowOf(s *platform.Step) stepRow {
	return stepRow{strings.TrimSpace(s.What), s.Allowed, append([]string{}, s.By...), append([]string{}, s.Others...)}
}

// words are the decision for people.
func (s *stepRow) words() string {
	text := "yes  "
	if !s.Allowed {
		text = "no   "
	}
	text += s.What
	switch {
	case len(s.By) > 0:
		text += " (" + strings.Join(s.By, ", ") + ")"
	case !s.Allowed && len(s.Others) > 0:
		text += " (granted to " + strings.Join(s.Others, ", ") + ")"
	case !s.Allowed:
		text += " (granted to no group)"
	}
	return text
}

// throughRow is an application by which an account calls, in JSON.
type throughRow struct {
	ApplicationURI string      `json:"application_uri"`
	Flow           tandem.Flow `json:"flow"`
	Scope          string      `json:"scope"`
	Need           string      `json:"needed"`
	Enough         bool        `json:"enough"`
}

// callRow is the explanation of a call in JSON. Status is null where the call was not made,
// as its body is not known, and nothing refuses it.
type callRow struct {
	Login        string       `json:"login"`
	Type         string       `json:"user_type"`
	Groups       []string     `json:"groups"`
	Call         string       `json:"call"`
	Applications []throughRow `json:"applications"`
	Steps        []stepRow    `json:"steps"`
	Allowed      bool         `json:"allowed"`
	Status       *int         `json:"status"`
	Answer       string       `json:"answer"`
	Mend         []string     `json:"mend"`
}

func (c *explainCommand) showCall(r *run, x *platform.Explanation) error {
	row := callRow{
		Login: x.Login, Type: string(x.Type), Groups: x.Groups, Call: x.Call, Applications: []throughRow{}, Steps: []stepRow{},
		Allowed: x.Status < 400, Answer: x.Answer, Mend: append([]string{}, x.Mend...),
	}
	if x.Status != 0 {
		row.Status = &x.Status
	}
	lines := []field{{"account", fmt.Sprintf("%s (%s) in %s", x.Login, x.Type, orNothing(strings.Join(x.Groups, ", ")))}}
	for _, t := range x.Applications {
		row.Applications = append(row.Applications, throughRow{t.ApplicationURI, t.Flow, t.Scope.String(), t.Need, t.Enough})
		word := "yes  "
		if !t.Enough {
			word = "no   "
		}
		has := orNothing(t.Scope.String())
		lines = append(lines, field{"scope", fmt.Sprintf("%s%s of %s, which may have %s", word, t.Need, t.ApplicationURI, has)})
	}
	if len(x.Applications) == 0 {
		lines = append(lines, field{"scope", "no   no enabled application calls for this account"})
	}
	for i := range x.Steps {
		s := stepRowOf(&x.Steps[i])
		row.Steps = append(row.Steps, s)
		lines = append(lines, field{"right", s.words()})
	}
	lines = append(lines, field{"answer", verdictOf(x)})
	for _, command := range x.Mend {
		lines = append(lines, field{"mend", command})
	}
	return showOne(r.stdout, c.output, row, lines)
}

func verdictOf(x *platform.Explanation) string {
	switch {
	case x.Status == 0:
		return "allowed, as far as rights go; rules look at the values"
	case x.Status < 400:
		return fmt.Sprintf("%d, allowed", x.Status)
	}
	return fmt.Sprintf("%d: %s", x.Status, x.Answer)
}

// eventRow is one event of a request in JSON.
type eventRow struct {
	recordRow
	Now  *stepRow `json:"now"`
	Mend []string `json:"mend"`
}

// requestRow is the explanation of a request in JSON.
type requestRow struct {
	RequestID string     `json:"request_id"`
	Repeat    string     `json:"repeat"`
	Events    []eventRow `json:"events"`
}

func (c *explainCommand) showRequest(r *run, x *platform.RequestExplanation) error {
	row := requestRow{x.ID, x.Repeat, []eventRow{}}
	var lines []field
	if x.Repeat != "" {
		lines = append(lines, field{"request", "like the one that is recorded, the repeat number " + x.Repeat + " within its minute"})
	}
	for i := range x.Events {
		e := &x.Events[i]
		shown := eventRow{recordRowOf(e.AuditEvent), nil, append([]string{}, e.Mend...)}
		f := &e.Facts
		lines = append(lines,
			field{"at", shown.At.String()}, field{"kind", string(e.Kind)}, field{"account", e.Actor}, field{"application", e.ApplicationURI},
			field{"what", e.Detail}, field{"rule", string(f.Rule)}, field{"needed", f.Need}, field{"token has", f.Scope},
			field{"row", f.Row}, field{"guard", f.Guard}, field{"key", f.Key}, field{"narrowed to", f.Person})
		if e.Now != nil {
			now := stepRowOf(e.Now)
			shown.Now = &now
			lines = append(lines, field{"now", now.words()})
		}
		for _, command := range e.Mend {
			lines = append(lines, field{"mend", command})
		}
		row.Events = append(row.Events, shown)
	}
	return showOne(r.stdout, c.output, row, lines)
}
