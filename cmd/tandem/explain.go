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
	As        string      `help:"Login of the account whose call it is, or with --what-if of who would sign in." placeholder:"LOGIN"`
	TokenFile string      `help:"Explain the token in this file." placeholder:"FILE"`
	WhatIf    bool        `help:"Ask what an application would be given, and give nothing: with --app, --flow and --scope."`
	App       string      `help:"The application, with --what-if." placeholder:"ID"`
	Flow      tandem.Flow `help:"user or service, with --what-if." placeholder:"FLOW"`
	Scope     string      `help:"What it would ask for, with --what-if; nothing means all." placeholder:"SCOPE"`
	What      []string    `arg:"" optional:"" help:"A call, such as 'GET Set(id)?$select=Name' or 'PATCH Set(id) Name,Notes'; the id of a request or of an event; or a token, better as - for the standard input."`
}

// Run tells why a call is allowed or refused, and what a token, a request or an event is.
func (c *explainCommand) Run(ctx context.Context, r *run) error {
	what := strings.TrimSpace(strings.Join(c.What, " "))
	if err := c.check(what); err != nil {
		return err
	}
	text, err := c.token(r, what)
	if err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		switch {
		case c.WhatIf:
			return c.whatIf(ctx, r, a)
		case text != "":
			x, err := a.ExplainToken(ctx, text)
			if err != nil {
				return err
			}
			return c.showToken(r, x)
		case c.As == "":
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

// check refuses flags that do not go together.
func (c *explainCommand) check(what string) error {
	switch {
	case c.WhatIf && (c.App == "" || c.Flow == ""):
		return usage("--what-if needs --app ID and --flow user or service")
	case !c.WhatIf && (c.App != "" || c.Flow != "" || c.Scope != ""):
		return usage("--app, --flow and --scope are for --what-if")
	case c.WhatIf && (what != "" || c.TokenFile != ""):
		return usage("--what-if asks about no call and no token")
	case c.TokenFile != "" && (what != "" || c.As != ""):
		return usage("--token-file says all: leave the rest out")
	case !c.WhatIf && c.TokenFile == "" && what == "":
		return usage("say what to explain: the id of a request or an event, --token-file FILE, - for a token from the standard input, or a call with --as LOGIN")
	case c.As == "" && strings.Contains(what, " "):
		return usage("say whose call it is: tandem explain --as LOGIN '%s'", what)
	}
	return nil
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
