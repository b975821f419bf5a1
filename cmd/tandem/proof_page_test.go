package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/prove"
)

// What the page about proofs says is what an auditor can do, with free ports: prove,
// verify, and the same for the record.
func TestProofPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/proof.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), prove.Python) {
		t.Error("the page has other lines of Python than prove prints")
	}
	w := &walk{t, t.TempDir(), strings.NewReplacer("tandem up", "tandem up --listen 127.0.0.1:0 --webapp-listen 127.0.0.1:0 --worker-listen 127.0.0.1:0")}
	data := filepath.Join(w.dir, "demo")
	said := map[string]string{}
	for _, command := range commands(t, "../../docs/proof.md") {
		if strings.Contains(command, "EVENT") {
			command = strings.ReplaceAll(command, "EVENT", sealedProof(t, data))
		}
		command = strings.ReplaceAll(command, "VERIFIER", strings.TrimSpace(said["record.verifier"]))
		text := w.run(command)
		if strings.HasSuffix(command, "&") {
			testkit.Eventually(t, "the demo to be ready", func() bool {
				_, err := os.Stat(filepath.Join(data, "demo.json"))
				return err == nil
			})
		}
		if _, file, redirected := strings.Cut(command, " > "); redirected {
			said[file] = text
		}
		said[strings.Join(strings.Fields(command)[:3], " ")] = text
	}
	for command, want := range map[string]string{
		"tandem prove --data": "14 hold, 0 fail, 0 not tested", "tandem prove verify": "is as it was signed", "tandem record list": "14 hold",
		"tandem record check": "proof",
	} {
		if !strings.Contains(said[command], want) {
			t.Errorf("%s does not say %q:\n%s", command, want, said[command])
		}
	}
}

// sealedProof is the event of the proof, once it is sealed.
func sealedProof(t *testing.T, data string) (event string) {
	t.Helper()
	testkit.Eventually(t, "the proof on record to be sealed", func() bool {
		events := read[[]struct{ ID string }](t, "record", "list", "--data", data, "--kind", "proof")
		if len(events) != 1 {
			t.Fatalf("%d proofs are on record", len(events))
		}
		event = events[0].ID
		return tandem(t, nil, "record", "proof", "--data", data, event).code == 0
	})
	return event
}
