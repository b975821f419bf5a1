package tandem_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
)

// TestRulesAreDocumented keeps docs/rules.md what the list is.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("# Rules\n\nWhat decides has a name, which is in the record with what it decided (`facts`, member `r`, or in `drop` for a scope that was left out) and is what `tandem explain` explains. " +
		"[Operating Tandem](operations.md) says how to ask. The names are stable. `ID` is the application, `LOGIN` the account.\n\n| rule | what it found | what to do | audit |\n|---|---|---|---|\n")
	for _, m := range tandem.Rules {
		mend := m.Mend
		if strings.HasPrefix(mend, "tandem ") {
			mend = "`" + mend + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", m.Rule, m.Means, mend, m.Finding)
	}
	const file = "docs/rules.md"
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want.String() {
		if os.Getenv("TANDEM_UPDATE_RULES") != "" {
			err = os.WriteFile(file, []byte(want.String()), 0o644)
		}
		t.Errorf("%s is not what the list of rules is; run the test with TANDEM_UPDATE_RULES=1 (%v)", file, err)
	}
}
