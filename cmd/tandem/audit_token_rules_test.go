package main_test

import (
	"encoding/json"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/tandemtest"
)

// token makes a reference token of an application that admits them, and returns its id. For
// nobody it is a SAT.
func (b *ruleBench) token(a glossary.TrustedApp, login string) string {
	b.t.Helper()
	kind := "--kind sat"
	if login != "" {
		kind = "--user " + login
	}
	var made struct{ ID string }
	text := do(b.t, b.Instance, "tandem token create "+kind+" --application "+a.ApplicationURI+" --scope read --expires 90d -o json")[0]
	must(b.t, json.Unmarshal([]byte(text), &made))
	return made.ID
}

// open registers an application whose people may have reference tokens.
func (b *ruleBench) open(name string) glossary.TrustedApp {
	b.t.Helper()
	return b.app(name, func(a *glossary.TrustedApp) { a.AccessTokens = glossary.AccessTokensAuthenticatedUsers })
}

// tokenCases are those of the rules about reference tokens.
var tokenCases = []ruleCase{
	{rule: "TOK-01", subject: "anna at com.rules/lies", evidence: "last used: never", set: func(b *ruleBench) {
		b.exec(`UPDATE reference_tokens SET created_at = $2 WHERE id = $1`, b.token(b.open("lies"), "anna"), b.ago(61))
	}},
	{rule: "TOK-01", subject: "svc.rests at com.rules/rests", evidence: "kind: sat", set: func(b *ruleBench) {
		b.exec(`UPDATE reference_tokens SET created_at = $2, last_used_at = $3 WHERE id = $1`, b.token(b.open("rests"), ""), b.ago(200), b.ago(61))
	}},
	{rule: "TOK-02", subject: "anna at com.rules/ages", evidence: "expires", set: func(b *ruleBench) {
		id := b.token(b.open("ages"), "anna")
		b.exec(`UPDATE reference_tokens SET expires_at = $2, last_used_at = $3 WHERE id = $1`, id, b.Clock.Now().Add(3*glossary.MaxReferenceLife), b.Clock.Now())
	}},
	{rule: "TOK-03", subject: "anna at com.rules/writes", evidence: "last write: never", set: func(b *ruleBench) {
		a := b.open("writes")
		b.exec(`UPDATE reference_tokens SET created_at = $2, last_used_at = $3, calls = 9, scope = 'read update' WHERE id = $1`, b.token(a, "anna"), b.ago(61), b.ago(1))
	}},
	{rule: "TOK-04", subject: "admin at com.rules/strong", evidence: "scope: read", set: func(b *ruleBench) { b.token(b.open("strong"), "admin") }},
	{rule: "TOK-05", subject: "anna at com.rules/copied", evidence: "192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24", set: func(b *ruleBench) {
		use := &registry.ReferenceUse{Calls: 3, Last: b.Clock.Now().Add(-time.Hour), From: "192.0.2.7", Places: []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}}
		must(b.t, b.Platform.References.Store.ReferencesUsed(b.t.Context(), map[string]*registry.ReferenceUse{b.token(b.open("copied"), "anna"): use}))
	}},
	{rule: "TOK-07", subject: "anna at com.rules/shut", evidence: "admits no reference tokens", set: func(b *ruleBench) {
		b.token(b.open("shut"), "anna")
		do(b.t, b.Instance, "tandem app update com.rules/shut --access-tokens none")
	}},
	{rule: "TOK-07", subject: "svc.off at com.rules/off", evidence: "disabled", set: func(b *ruleBench) {
		b.token(b.open("off"), "")
		do(b.t, b.Instance, "tandem user disable svc.off")
	}},
}

// TestTokenRulesFireAndAreMended: the same for the rules about reference tokens.
func TestTokenRulesFireAndAreMended(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		b := &ruleBench{in, t, t.TempDir()}
		b.try(tokenCases)
	})
}
