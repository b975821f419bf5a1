package findings_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/audit/findings"
)

var update = flag.Bool("update", false, "write the catalogue into docs/audit.md")

const page = "../../docs/audit.md"

// catalogue is the table of the rules, as the page has it.
func catalogue() string {
	var s strings.Builder
	s.WriteString("| rule | severity | finds | because |\n|---|---|---|---|\n")
	for _, r := range findings.Rules() {
		because := r.Why
		if r.Absent != "" {
			because += " (" + r.Absent + ")"
		}
		fmt.Fprintf(&s, "| %s | %s | %s | %s |\n", r.ID, r.Severity, r.Title, because)
	}
	return s.String()
}

// TestThePageHasTheCatalogue keeps the list of the rules true.
func TestThePageHasTheCatalogue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(text), "-update -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !begun || !ended {
		t.Fatal("the page has no place for the catalogue")
	}
	want := before + "-update -->\n" + catalogue() + "<!-- end -->" + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("the page has another catalogue: go test ./audit/findings -run TestThePageHasTheCatalogue -update")
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // it is a page for everybody
		t.Fatal(err)
	}
}
