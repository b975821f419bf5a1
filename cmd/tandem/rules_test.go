package main

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
)

// What mends a rule is a command that there is, where it is one.
func TestMendsAreCommands(t *testing.T) {
	t.Parallel()
	fill := strings.NewReplacer("FLOW", "service", "SCOPE", "read", "RIGHTS", "read", "ATTRIBUTE", "Name")
	for _, m := range tandem.Rules {
		if line, is := strings.CutPrefix(m.Mend, "tandem "); is {
			if _, err := parser(t).Parse(strings.Fields(fill.Replace(line))); err != nil {
				t.Errorf("%s: %s: %v", m.Rule, m.Mend, err)
			}
		}
	}
}
