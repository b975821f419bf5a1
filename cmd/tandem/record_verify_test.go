package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/tandemtest"
)

// What happened is verified, proven for one event without the instance, and what somebody
// changes in the database is named, all by command.
func TestRecordIsVerifiedByCommand(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		in.Advance(2 * time.Minute)
		_, err := in.Platform.Sealing.Seal(t.Context())
		must(t, err)
		say := func(code int, want, command string) string {
			t.Helper()
			text, got := tandemOn(t, in, command)
			if got != code || !strings.Contains(text, want) {
				t.Errorf("%s: exit %d: %s; want %d and %q", command, got, text, code, want)
			}
			return text
		}
		say(0, " events, ", "tandem record verify")
		say(0, `"faults": []`, "tandem record verify -o json")
		key := strings.TrimSpace(say(0, "tandem/"+in.Platform.ID+"/1+", "tandem record key"))
		say(0, " events, ", "tandem record verify --key "+key)
		all, err := in.Platform.Audit.List(t.Context(), audit.Filter{Forward: true, Limit: 3})
		must(t, err)
		event := all[1]
		proof := filepath.Join(t.TempDir(), "proof")
		say(0, "", "tandem record proof "+event.ID+" > "+proof)
		say(0, event.ID, "tandem record check "+proof+" --key "+key)
		say(0, `"index": 1`, "tandem record check - --key "+key+" -o json < "+proof)
		text, err := os.ReadFile(proof)
		must(t, err)
		must(t, os.WriteFile(proof, []byte(strings.Replace(string(text), "index 1", "index 2", 1)), 0o600))
		say(1, "the event is not in the record", "tandem record check "+proof+" --key "+key)
		say(2, "is not a verifier", "tandem record check "+proof+" --key x")
		say(1, "no event", "tandem record proof 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10")
		_, err = in.Platform.DB.Writer().ExecContext(t.Context(), `UPDATE audit_events SET actor = 'nobody' WHERE id = $1`, event.ID)
		must(t, err)
		say(1, "changed "+event.ID, "tandem record verify")
		say(1, "is not what was sealed", "tandem record proof "+event.ID)
		if s, err := in.Platform.Sealing.Status(t.Context()); err != nil || s.Verified.Faults != 1 || s.Verified.First != "changed "+event.ID {
			t.Errorf("what is known of it: %+v, %v", s, err)
		}
		say(2, "--reason", "tandem record restart")
		say(0, "epoch 2 of the record begins", "tandem record restart --reason 'looked into it'")
		in.Advance(time.Minute)
		_, err = in.Platform.Sealing.Seal(t.Context())
		must(t, err)
		say(1, "epoch 1 was ended by ", "tandem record verify")
	})
}
