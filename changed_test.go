package tandem_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
)

func TestOfAChangeOnlyWhatDiffersIsKept(t *testing.T) {
	t.Parallel()
	was := tandem.Attributes{"name": "Portal", "is_enabled": true, "scope": "read update", "secret": "unset", "uris": []string{"a", "b"}, "narrow": nil}
	is := maps.Clone(was)
	is["is_enabled"], is["scope"], is["secret"], is["uris"], is["narrow"] = false, "read", "set", []string{"b", "c d"}, ""
	for name, c := range map[string]struct {
		before, after, wantBefore, wantAfter tandem.Attributes
		words                                string
	}{
		"changed": {
			was, is, tandem.Attributes{"is_enabled": true, "scope": "read update", "secret": "unset", "uris": []string{"a", "b"}, "narrow": nil},
			tandem.Attributes{"is_enabled": false, "scope": "read", "secret": "set", "uris": []string{"b", "c d"}, "narrow": ""},
			`is_enabled yes → no; narrow none → ""; scope "read update" → read; secret unset → set; uris +c d −a`,
		},
		"not changed": {was, was, nil, nil, ""},
		"made":        {nil, is, nil, tandem.Attributes{"name": "Portal", "scope": "read", "secret": "set", "uris": []string{"b", "c d"}}, ""},
		"gone":        {was, nil, tandem.Attributes{"name": "Portal", "is_enabled": true, "scope": "read update", "secret": "unset", "uris": []string{"a", "b"}}, nil, ""},
		"reordered":   {tandem.Attributes{"uris": []string{"a", "b"}}, tandem.Attributes{"uris": []string{"b", "a"}}, tandem.Attributes{"uris": []string{"a", "b"}}, tandem.Attributes{"uris": []string{"b", "a"}}, `uris ["a","b"] → ["b","a"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f tandem.Facts
			f.Changed(c.before, c.after)
			if !cmp.Equal(f.Before, c.wantBefore) || !cmp.Equal(f.After, c.wantAfter) || f.Words() != c.words {
				t.Errorf("%v → %v in words %q", f.Before, f.After, f.Words())
			}
		})
	}
}

// Whatever somebody writes into a field, the facts of its change fit into the record
// and can be read again.
func TestFactsOfAChangeHaveABound(t *testing.T) {
	t.Parallel()
	const most = 4<<10 - 600 // the record's limit, without what else the facts say
	value := rapid.OneOf(
		rapid.Map(rapid.StringN(-1, -1, 5000), func(s string) any { return s }),
		rapid.Map(rapid.SliceOfN(rapid.StringN(-1, -1, 2000), 0, 60), func(s []string) any { return s }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
	rapid.Check(t, func(t *rapid.T) {
		attributes := rapid.MapOfN(rapid.StringMatching(`[a-z_]{3,30}`), value, 0, 20)
		before, after := tandem.Attributes(attributes.Draw(t, "before")), tandem.Attributes(attributes.Draw(t, "after"))
		was := maps.Clone(before)
		var f tandem.Facts
		f.Changed(before, after)
		if text := f.JSON(); len(text) > most || !json.Valid([]byte(text)) {
			t.Fatalf("%d bytes of facts: %s", len(text), text)
		}
		if back, err := tandem.ParseFacts(f.JSON()); err != nil || len(back.Before) != len(f.Before) || len(back.After) != len(f.After) {
			t.Fatalf("read again %v, %v", back, err)
		}
		if !cmp.Equal(was, before) {
			t.Fatal("the attributes themselves were shortened")
		}
	})
	long := tandem.Attributes{"notes": strings.Repeat("я", 4000), "name": "new"}
	var f tandem.Facts
	f.Changed(tandem.Attributes{"notes": "", "name": "old"}, long)
	if notes, _ := f.After["notes"].(string); !strings.HasSuffix(notes, "…") || f.After["name"] != "new" {
		t.Errorf("a long note is kept as %q, and beside it %q", notes, f.After["name"])
	}
}

func TestByTellsAccountsFromOthers(t *testing.T) {
	t.Parallel()
	for maker, account := range map[string]bool{"anna": true, "svc.portal": true, "": false, "os:root": false, "tandem:demo": false} {
		if tandem.IsLogin(maker) != account {
			t.Errorf("%q is a login: %v", maker, !account)
		}
	}
	e := tandem.By{Login: "maria", Via: tandem.ViaManage, From: "192.0.2.7"}.Recorded("application disabled",
		tandem.Facts{Subject: tandem.Subject{Kind: "application", ID: "1"}, Before: tandem.Attributes{"is_enabled": true}, After: tandem.Attributes{"is_enabled": false}})
	if want := `{"via":"manage","on":{"kind":"application","id":"1"},"before":{"is_enabled":true},"after":{"is_enabled":false}}`; e.Facts != want ||
		e.Actor != "maria" || e.RemoteAddr != "192.0.2.7" || e.Kind != tandem.AuditAdministration || e.Detail != "application disabled: is_enabled yes → no" {
		t.Errorf("recorded %+v", e)
	}
}
