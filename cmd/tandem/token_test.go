package main_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// tokenRow is what scripts read of a reference token.
type tokenRow struct {
	ID, Kind, Token, User, Name, Scope, State string
	ApplicationURI                            string    `json:"application_uri"`
	ExpiresAt                                 time.Time `json:"expires_at"`
	LastUsedAt                                time.Time `json:"last_used_at"`
	LastUsedFrom                              string    `json:"last_used_from"`
	Calls                                     int64
	CreatedBy                                 string    `json:"created_by"`
	RevokedAt                                 time.Time `json:"revoked_at"`
	RevokedBy                                 string    `json:"revoked_by"`
	SuccessorOf                               string    `json:"successor_of"`
}

// TestReferenceTokensByCommand makes, uses, lists, rolls and revokes tokens as an operator
// does, while the instance runs.
func TestReferenceTokensByCommand(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		one := func(command string) (row tokenRow) {
			t.Helper()
			text := do(t, in, command+" -o json")[0]
			must(t, json.Unmarshal([]byte(text), &row))
			return row
		}
		list := func(flags string) (rows []tokenRow) {
			t.Helper()
			must(t, json.Unmarshal([]byte(do(t, in, "tandem token list "+flags+" -o json")[0]), &rows))
			return rows
		}
		works := func(token string, want int) {
			t.Helper()
			if status, text := in.API("GET", "General_Products_Products?$top=1", token, ""); status != want {
				t.Errorf("%d, want %d: %s", status, want, text)
			}
		}
		const on = " --application com.example/portal --expires 90d --scope "
		if text, code := tandemOn(t, in, "tandem token create --user anna"+on+"read"); code != 1 || !strings.Contains(text, "app update com.example/portal --access-tokens users") {
			t.Errorf("before the policy is open: exit %d: %s", code, text)
		}
		do(t, in, "tandem app update com.example/portal --access-tokens users")
		if show := do(t, in, "tandem app show com.example/portal")[0]; !strings.Contains(show, "AuthenticatedUsers") {
			t.Errorf("app show: %s", show)
		}
		pat := one("tandem token create --kind pat --user anna --name reports" + on + "read")
		sat := one(`tandem token create --kind sat` + on + `"read update"`)
		if pat.Kind != "pat" || pat.User != "anna" || pat.Name != "reports" || pat.Scope != "read" || sat.User != tandemtest.SystemUser || sat.Scope != "read update" ||
			!glossary.IsReferenceToken(pat.Token) || !glossary.IsReferenceToken(sat.Token) || !strings.HasPrefix(pat.CreatedBy, "os:") {
			t.Errorf("made %+v and %+v", pat, sat)
		}
		works(pat.Token, 200)
		works(sat.Token, 200)
		must(t, in.Platform.WriteReferenceUses(t.Context()))
		if rows := list("--user anna"); len(rows) != 1 || rows[0].ID != pat.ID || rows[0].Token != "" || rows[0].Calls != 1 ||
			rows[0].LastUsedFrom != "127.0.0.1" || rows[0].State != "live" {
			t.Errorf("anna has %+v", rows)
		}
		for flags, want := range map[string]int{
			"": 2, "--kind sat": 1, "--application com.example/portal": 2, "--application com.example/field": 0, "--unused 1d": 0, "--expiring 30d": 0, "--expiring 91d": 2,
			"--user svc.portal": 1, "--limit 1": 1,
		} {
			if rows := list(flags); len(rows) != want {
				t.Errorf("token list %s: %+v", flags, rows)
			}
		}
		if table := do(t, in, "tandem token list")[0]; !strings.Contains(table, "reports") || strings.Contains(table, glossary.ReferencePrefix) {
			t.Errorf("the table: %s", table)
		}
		next := one("tandem token roll " + pat.ID + " --overlap 1h --expires 30d")
		if next.SuccessorOf != pat.ID || next.User != "anna" || next.Scope != "read" || next.Name != "reports" {
			t.Errorf("rolled to %+v", next)
		}
		works(pat.Token, 200)
		works(next.Token, 200)
		do(t, in, "tandem token revoke "+pat.ID, "tandem token revoke "+sat.ID, "tandem token revoke "+sat.ID)
		works(pat.Token, 401)
		works(sat.Token, 401)
		works(next.Token, 200)
		if rows := list("--all"); len(rows) != 3 || rows[1].State != "revoked" || rows[1].RevokedAt.IsZero() || !strings.HasPrefix(rows[1].RevokedBy, "os:") {
			t.Errorf("all are %+v", rows)
		}
		deeds := 0
		for _, e := range in.Record(glossary.AuditAdministration) {
			if e.TokenID != "" && strings.HasPrefix(e.Actor, "os:") && e.ApplicationURI == tandemtest.Portal && strings.Contains(e.Facts, e.TokenID) {
				deeds++
			}
		}
		if deeds != 5 {
			t.Errorf("%d deeds are on record, want two makings, one roll and two revocations", deeds)
		}
		for says, command := range map[string]string{
			"366 days":              "token create --user anna --application com.example/portal --scope read --expires 400d",
			"span of time":          "token create --user anna --application com.example/portal --scope read --expires never",
			"external user":         "token create --user paul" + on + "read",
			"leave out --user":      "token create --kind sat --user anna" + on + "read",
			"--user LOGIN":          "token create" + on + "read",
			"no application":        "token create --user anna --application com.example/none --scope read --expires 1d",
			"no reference token":    "token revoke 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10",
			"span of time: use 90d": "token roll " + next.ID + " --overlap forever",
		} {
			if text, code := tandemOn(t, in, "tandem "+command); code == 0 || !strings.Contains(text, says) || strings.Count(text, "\n") != 1 {
				t.Errorf("%s: exit %d: %s", command, code, text)
			}
		}
	})
}
