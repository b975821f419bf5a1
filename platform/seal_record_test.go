package platform_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// anchored is another replica, which anchors the record in a file.
func anchored(t *testing.T, in *tandemtest.Instance, file string) (*platform.Instance, error) {
	t.Helper()
	i, err := platform.NewInstance(t.Context(), platform.InstanceConfig{StoreConfig: in.Store(), URL: "http://localhost:1", RecordAnchor: file})
	if err == nil {
		t.Cleanup(func() { i.Close() })
	}
	return i, err
}

// An instance seals its record by itself, anchors its heads, and does not start on a
// database that is older than its anchor.
func TestRecordIsAnchored(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			in.Advance(2 * time.Minute)
			must(t, in.Platform.SealRecord(t.Context()))
			file := filepath.Join(t.TempDir(), "other", "anchor")
			i, err := anchored(t, in, file)
			must(t, err)
			in.CreateApp(appOf("com.acme/sealed"))
			in.Advance(2 * time.Minute)
			must(t, i.SealRecord(t.Context()))
			must(t, i.Sealing.Rest(t.Context()))
			must(t, i.AnchorRecord(t.Context()))
			anchor, err := sealing.ReadAnchor(file)
			must(t, err)
			r, err := i.VerifyRecord(t.Context(), sealing.Options{Anchors: []sealing.Anchor{anchor}})
			if err != nil || !r.OK() || r.Anchored != len(anchor.Heads) || r.Anchored < 1 || r.Events < 2 {
				t.Errorf("%+v, %v", r, err)
			}
			s, err := i.Sealing.Status(t.Context())
			if err != nil || s.Anchored.IsZero() || s.Verified.At.IsZero() || s.Verified.Faults != 0 || s.Size != r.Events {
				t.Errorf("%+v, %v", s, err)
			}
			if _, err := anchored(t, in, file); err != nil {
				t.Errorf("a second start: %v", err)
			}
			for _, table := range []string{"record_checkpoints", "record_tiles"} {
				_, err := i.DB.Writer().ExecContext(t.Context(), `DELETE FROM `+table)
				must(t, err)
			}
			if _, err := anchored(t, in, file); err == nil || !strings.Contains(err.Error(), "does not go on from its anchor") {
				t.Errorf("on an older database: %v", err)
			}
			must(t, second(i.RestartRecord(t.Context(), "tried")))
			if _, err := anchored(t, in, file); err != nil {
				t.Errorf("after a restart of the record: %v", err)
			}
		})
	}
}

// A running instance seals what has settled without being told to.
func TestRecordIsSealedByItself(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	in.Advance(2 * time.Minute)
	testkit.Eventually(t, "the record is sealed", func() bool {
		s, err := in.Platform.Sealing.Status(t.Context())
		return err == nil && s.Size > 0
	})
}

// A restored instance goes on in a new epoch, which names the last head of before: the
// old life may have gone on from the same head.
func TestRestoredRecordBeginsAnEpoch(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	in.Advance(2 * time.Minute)
	must(t, in.Platform.SealRecord(t.Context()))
	key, err := in.Platform.Sealing.KeyLine(t.Context())
	must(t, err)
	file := filepath.Join(t.TempDir(), "anchor")
	i, err := anchored(t, in, file)
	must(t, err)
	backup, folder := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	must(t, second((&platform.Backup{DB: in.Store().DB[len("sqlite:"):], Data: t.TempDir(), Version: "test"}).Write(t.Context(), backup)))
	in.CreateApp(appOf("com.acme/later"))
	in.Advance(2 * time.Minute)
	must(t, i.SealRecord(t.Context()))
	must(t, i.Sealing.Rest(t.Context()))
	must(t, i.AnchorRecord(t.Context()))

	must(t, second(platform.Restore(t.Context(), backup, folder, in.Store())))
	restored := in.On(t, "sqlite:"+filepath.Join(folder, "tandem.db"))
	if _, err := anchored(t, restored, file); err != nil {
		t.Errorf("with the anchor of before: %v", err)
	}
	restored.Advance(2 * time.Minute)
	must(t, restored.Platform.SealRecord(t.Context()))
	anchor, err := sealing.ReadAnchor(file)
	must(t, err)
	r, err := restored.Platform.VerifyRecord(t.Context(), sealing.Options{Anchors: []sealing.Anchor{anchor}})
	if err != nil || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "give it, too (--key, and --record-key of tandem instance)") {
		t.Errorf("with a key of its own, and the one of before known by the database alone: %v, %v", r.Faults, err)
	}
	restored.Platform.Sealing.Keys = []string{key}
	r, err = restored.Platform.VerifyRecord(t.Context(), sealing.Options{Anchors: []sealing.Anchor{anchor}})
	notes := strings.Join(r.Notes, "\n")
	if err != nil || !r.OK() || r.Epochs != 2 || !strings.Contains(notes, "epoch 1 was ended by test: restored from the backup of ") ||
		!strings.Contains(notes, "which ended before: see why it was restarted") {
		t.Errorf("%+v, %v", r, err)
	}
}

func appOf(uri string) tandem.TrustedApp {
	return tandem.TrustedApp{ApplicationURI: uri, Name: uri, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, Scope: tandem.Scope{"read"}, RedirectURIs: []string{"https://app.acme.example/callback"}}
}
