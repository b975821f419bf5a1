package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

// maxTokenFile bounds what is read for a token, in bytes.
const maxTokenFile = 64 << 10

// token is the text of the token that is asked about; empty where none is.
func (c *explainCommand) token(r *run, what string) (string, error) {
	var from io.Reader
	switch {
	case c.TokenFile != "":
		f, err := os.Open(c.TokenFile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		from = f
	case what == "-":
		from = os.Stdin
	case c.As == "" && (strings.Count(what, ".") == 2 || strings.HasPrefix(what, "tdrt_") || tandem.IsReferenceToken(what)) && len(what) > 40:
		fmt.Fprintln(r.stderr, "The token is in the command line, where other programs and the shell's history can see it: use --token-file, or - for the standard input.")
		return what, nil
	default:
		return "", nil
	}
	text, err := io.ReadAll(io.LimitReader(from, maxTokenFile))
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(string(text)) == "" {
		return "", usage("there is no token in what was read")
	}
	return string(text), nil
}

// explainedRow is the explanation of a token in JSON.
type explainedRow struct {
	Kind            string      `json:"kind"`
	Foreign         bool        `json:"foreign"`
	Issuer          string      `json:"issuer"`
	KeyID           string      `json:"kid"`
	ApplicationURI  string      `json:"application_uri"`
	Actor           string      `json:"actor"`
	Flow            tandem.Flow `json:"flow"`
	TokenID         string      `json:"token_id"`
	SignInID        string      `json:"sign_in_id"`
	ServiceInstance string      `json:"service_instance"`
	Audience        []string    `json:"audience"`
	Scope           string      `json:"scope"`
	IssuedAt        stamp       `json:"issued_at"`
	ExpiresAt       stamp       `json:"expires_at"`
	Family          string      `json:"family"`
	Number          int64       `json:"number"`
	Newest          int64       `json:"newest"`
	Made            string      `json:"made"`
	Issued          *eventRow   `json:"issued"`
	LimitNow        string      `json:"limit_now"`
	Changed         []recordRow `json:"changed"`
	Good            bool        `json:"good"`
	Rule            tandem.Rule `json:"rule"`
	Means           string      `json:"means"`
	Why             string      `json:"why"`
	Mend            []string    `json:"mend"`
	Sessions        []usedInRow `json:"sessions"`
}

// usedInRow is a session that a token was used in, in JSON.
type usedInRow struct {
	ID       string `json:"id"`
	Slot     int    `json:"slot"`
	OpenedAt stamp  `json:"opened_at"`
	LastAt   stamp  `json:"last_request_at"`
	EndedAt  stamp  `json:"ended_at"`
	Calls    int64  `json:"calls"`
}

func explainedRowOf(x *platform.TokenExplanation) explainedRow {
	row := explainedRow{
		Kind: x.Kind, Foreign: x.Foreign, Issuer: x.Issuer, KeyID: x.KeyID, ApplicationURI: x.ApplicationURI, Actor: x.Actor, Flow: x.Flow,
		TokenID: x.TokenID, SignInID: x.SignInID, ServiceInstance: x.Instance, Audience: append([]string{}, x.Audience...), Scope: x.Scope.String(),
		IssuedAt: stamp{x.IssuedAt}, ExpiresAt: stamp{x.ExpiresAt}, Family: x.Family, Number: x.Number, Newest: x.Newest, Made: x.Made,
		LimitNow: x.LimitNow.String(), Changed: []recordRow{}, Good: x.Now == "", Rule: x.Now, Why: x.Why, Mend: append([]string{}, x.Mend...),
		Sessions: []usedInRow{},
	}
	if meaning, known := x.Now.Meaning(); known {
		row.Means = meaning.Means
	}
	if x.Issued != nil {
		issued := eventRowOf(x.Issued)
		row.Issued = &issued
	}
	for _, e := range x.Changed {
		row.Changed = append(row.Changed, recordRowOf(e))
	}
	for i := range x.Sessions {
		s := &x.Sessions[i]
		row.Sessions = append(row.Sessions, usedInRow{s.ID, s.Slot, stamp{s.OpenedAt}, stamp{s.LastRequestAt}, stamp{s.EndedAt}, s.Requests})
	}
	return row
}

func (c *explainCommand) showToken(r *run, x *platform.TokenExplanation) error {
	row := explainedRowOf(x)
	what := x.Kind
	if x.ApplicationURI != "" {
		what += " of " + x.ApplicationURI + ", issued " + row.IssuedAt.String()
	}
	lines := []field{{"token", what}, {"now", stateWords(x)}, {"why", x.Why}}
	if x.Foreign {
		lines = append(lines, field{"says", fmt.Sprintf("issuer %s, key %s; who it is from is not known", orNothing(x.Issuer), orNothing(x.KeyID))})
	}
	lines = append(lines, issuedLines(x)...)
	for i := range x.Changed {
		e := &x.Changed[i]
		lines = append(lines, field{"changed", fmt.Sprintf("%s by %s: %s", stamp{e.At}, e.Actor, e.Detail)})
	}
	lines = append(lines, field{"acts as", x.Actor}, field{"instance", x.Instance}, field{"audience", strings.Join(x.Audience, " ")}, field{"sign-in", x.SignInID})
	if x.Family != "" && x.Number > 0 {
		lines = append(lines, field{"family", fmt.Sprintf("%s: the number %d of %d", x.Family, x.Number, x.Newest)})
	}
	lines = append(lines, usedLines(x)...)
	for _, command := range x.Mend {
		lines = append(lines, field{"mend", command})
	}
	return showOne(r.stdout, c.output, row, lines)
}

// stateWords say whether the token is good.
func stateWords(x *platform.TokenExplanation) string {
	if x.Now == "" {
		left := x.ExpiresAt.Sub(tandem.SystemTime()).Round(time.Second)
		if left < 0 {
			return "not refused; its time is over"
		}
		return "good for " + left.String() + " more; not revoked"
	}
	meaning, _ := x.Now.Meaning()
	return "refused by " + ruleWords(x.Now, meaning.Means)
}

// issuedLines tell how the token was come by.
func issuedLines(x *platform.TokenExplanation) []field {
	limitNow := orNothing(x.LimitNow.String())
	if x.Foreign || x.ApplicationURI == "" {
		return nil
	}
	if x.Made != "" {
		return []field{{"made", x.Made}, {"got", x.Scope.String()}, {"limit now", limitNow}}
	}
	if x.Issued == nil {
		return []field{
			{"got", x.Scope.String()}, {"limit now", limitNow}, {"issued", "nothing is on record of its issue: the record is younger, or was pruned"},
		}
	}
	f, e := &x.Issued.Facts, x.Issued
	asked := f.Asked
	if asked == "" {
		asked = "nothing, which means all that the " + string(x.Flow) + " half may have"
	}
	proof := e.Credential
	if proof == "" {
		proof = "nothing"
	}
	lines := []field{
		{"asked for", asked}, {"got", f.Scope}, {"left out", droppedWords(f.Dropped)}, {"limit then", f.Limit}, {"limit now", limitNow},
		{"proved by", proof + ", " + f.Auth + ", from " + e.RemoteAddr}, {"grant", f.Grant}, {"signed by", f.KeyID}, {"request", e.RequestID},
	}
	if f.AMR != "" {
		lines = append(lines, field{"person", fmt.Sprintf("%s, proved by %s%s", f.UserType, f.AMR, level(f.ACR))})
	}
	return lines
}

// level says how well somebody proved who they are; nothing where that is not on record.
func level(acr string) string {
	if acr == "" {
		return ""
	}
	return ", acr " + acr
}

// usedLines tell of the sessions that the token was used in. Calls are counted for a
// session and not for a token.
func usedLines(x *platform.TokenExplanation) []field {
	if len(x.Sessions) == 0 {
		if x.TokenID == "" || x.Kind == "ID token" {
			return nil
		}
		return []field{{"used", "in no session that is kept"}}
	}
	var lines []field
	for i := range x.Sessions {
		s := &x.Sessions[i]
		ended := "open"
		if !s.EndedAt.IsZero() {
			ended = "ended " + stamp{s.EndedAt}.String()
		}
		lines = append(lines, field{"used", fmt.Sprintf("%d calls in session %s, slot %d, first %s, %s", s.Requests, s.ID, s.Slot, stamp{s.OpenedAt}, ended)})
	}
	return lines
}

// whatIfRow is what would be given, in JSON.
type whatIfRow struct {
	ApplicationURI string          `json:"application_uri"`
	Flow           tandem.Flow     `json:"flow"`
	Asked          string          `json:"asked"`
	As             string          `json:"acts_as"`
	UserType       tandem.UserType `json:"user_type"`
	Given          bool            `json:"given"`
	Scope          string          `json:"scope"`
	Limit          string          `json:"limit"`
	Dropped        []droppedRow    `json:"dropped"`
	API            bool            `json:"good_for_the_api"`
	Rule           tandem.Rule     `json:"rule"`
	Means          string          `json:"means"`
	Answer         string          `json:"answer"`
	Credentials    []string        `json:"credentials"`
	Mend           []string        `json:"mend"`
}

func (c *explainCommand) whatIf(ctx context.Context, r *run, a *platform.Administration) error {
	x, err := a.WhatIf(ctx, platform.WhatIf{ApplicationURI: c.App, Flow: c.Flow, Scope: c.Scope, Login: c.As})
	if err != nil {
		return err
	}
	row := whatIfRow{
		x.ApplicationURI, x.Flow, x.WhatIf.Scope, x.As, x.UserType, x.Rule == "", x.Given.String(), x.Limit.String(), droppedRows(x.Dropped),
		x.API, x.Rule, x.Means, x.Answer, append([]string{}, x.Credentials...), append([]string{}, x.Mend...),
	}
	asked := x.WhatIf.Scope
	if asked == "" {
		asked = "nothing, which means all that it may have"
	}
	lines := []field{
		{"application", x.ApplicationURI}, {"flow", string(x.Flow)}, {"acts as", strings.TrimSpace(x.As + " " + string(x.UserType))},
		{"asks for", asked}, {"limit", orNothing(x.Limit.String())}, {"gets", x.Given.String()}, {"left out", droppedWords(x.Dropped)},
		{"refused", ruleWords(x.Rule, x.Means)}, {"answer", x.Answer}, {"proves itself", strings.Join(x.Credentials, ", ")},
	}
	for _, command := range x.Mend {
		lines = append(lines, field{"mend", command})
	}
	return showOne(r.stdout, c.output, row, lines)
}
