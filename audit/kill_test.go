package audit_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/sqldb"
)

// killVariable names the database that a child process records into until it
// is killed.
const killVariable = "TANDEM_TEST_AUDIT_KILL"

// TestKilledProcessKeepsWhatItConfirmed kills a recording process without
// notice: every event that Record had confirmed is there.
func TestKilledProcessKeepsWhatItConfirmed(t *testing.T) {
	t.Parallel()
	if url := os.Getenv(killVariable); url != "" {
		recordUntilKilled(t, url)
		return
	}
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcessKeepsWhatItConfirmed$")
	child.Env = append(os.Environ(), killVariable+"="+url)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var confirmed []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		confirmed = append(confirmed, lines.Text())
		if len(confirmed) == 300 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(confirmed) < 300 {
		t.Fatalf("the child ended with %v after %d events: %q", err, len(confirmed), confirmed)
	}
	db, err := data.Open(t.Context(), url, sqldb.Options{})
	if err != nil {
		t.Fatalf("the database of the killed process: %v", err)
	}
	defer db.Close()
	kept := map[string]bool{}
	f := audit.Filter{Limit: audit.MaxPage}
	for {
		page, err := (&audit.Log{Store: data.NewAudit(db.Identity)}).List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			kept[e.Detail], f.Before = true, e.ID
		}
		if len(page) < f.Limit {
			break
		}
	}
	for _, detail := range confirmed {
		if !kept[detail] {
			t.Errorf("event %q was confirmed, but is lost", detail)
		}
	}
}

func recordUntilKilled(t *testing.T, url string) {
	db, err := data.Open(t.Context(), url, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &audit.Log{Store: data.NewAudit(db.Identity)}
	run(t, l)
	for i := range 4 {
		go func() {
			for n := 0; ; n++ {
				detail := fmt.Sprint(i, "-", n)
				if err := l.Record(t.Context(), issued(detail)); err != nil {
					fmt.Println(err)
					return
				}
				// One write: a line that was read was confirmed before.
				fmt.Fprintln(os.Stdout, detail)
			}
		}()
	}
	select {}
}
