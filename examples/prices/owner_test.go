package main

import (
	"maps"
	"testing"
)

// The table of who owns files is given account by account, and to the agent alone.
func TestOwnersAreGiven(t *testing.T) {
	t.Parallel()
	o, err := parse("", []string{"-owner", `CORP\msmith=maria`, "-owner", "uid=7=anna", "-owner", "share="})
	if err != nil {
		t.Fatal(err)
	}
	o, err = parse("agent", o.ownerFlags())
	if err != nil || !maps.Equal(o.owners, map[string]string{`CORP\msmith`: "maria", "uid=7": "anna", "share": ""}) {
		t.Errorf("%v, %v", o.owners, err)
	}
	for _, wrong := range []string{"maria", "=maria"} {
		if _, err := parse("agent", []string{"-owner", wrong}); err == nil {
			t.Errorf("-owner %s is taken", wrong)
		}
	}
}
