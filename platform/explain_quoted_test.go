package platform_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestAMendingCommandIsPastedSafely: the names in a command that explain suggests are what
// a stranger sent. A shell takes each for one word, and runs nothing of it.
func TestAMendingCommandIsPastedSafely(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	for _, nasty := range []string{"$(touch stolen)", "`touch stolen`", `a"b'c`, "a\ntouch stolen", "really!", `back\slash`, "; touch stolen", "visits"} {
		scope := strings.Join(strings.Fields(nasty), "_")
		for _, c := range []struct {
			rule tandem.Rule
			want []string
		}{
			{tandem.RuleScopeFlow, []string{"tandem", "app", "update", nasty, "--scope", scope}},
			{tandem.RuleUserDisabled, []string{"tandem", "user", "enable", nasty}},
		} {
			e := tandem.AuditEvent{
				ID: uuid.Must(uuid.NewV7()).String(), At: in.Clock.Now(), Kind: tandem.AuditTokenRefused, Actor: nasty, ApplicationURI: nasty,
				Facts: (&tandem.Facts{Rule: c.rule, Asked: scope}).JSON(),
			}
			must(t, data.NewAudit(in.Platform.DB).AppendAudit(t.Context(), []tandem.AuditEvent{e}))
			x, err := in.Platform.ExplainRequest(t.Context(), e.ID)
			must(t, err)
			if len(x.Events) != 1 || len(x.Events[0].Mend) != 1 {
				t.Fatalf("%q: %+v", nasty, x.Events)
			}
			command := x.Events[0].Mend[0]
			shell := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s\\0' "+command)
			shell.Dir = t.TempDir()
			out, err := shell.CombinedOutput()
			if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s is to a shell %q, %v; want %q", command, got, err, c.want)
			}
			// An interactive shell replaces ! in double quotes, too.
			if quoted := "'" + nasty + "'"; strings.Contains(nasty, "!") && !strings.Contains(command, quoted) {
				t.Errorf("%s: the name is not in single quotes", command)
			}
		}
	}
}
