package tandem_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/hybridapps/tandem"
)

func TestAuditKindsAreAll(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("audit.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`\bAuditKind = "(\w+)"`).FindAllStringSubmatch(string(text), -1)
	if len(found) != len(tandem.AuditKinds) {
		t.Errorf("there are %d kinds, and %d of them in AuditKinds", len(found), len(tandem.AuditKinds))
	}
	for _, m := range found {
		if !slices.Contains(tandem.AuditKinds, tandem.AuditKind(m[1])) {
			t.Errorf("%s is missing", m[1])
		}
	}
}
