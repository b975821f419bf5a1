package tus_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

func serverOf(t testing.TB, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// clients is the folder with the packages of others' clients, and their scripts.
const clients = "../../../e2e/clients"

// The client that most people use, tus-js-client 4, sends a file; the server is killed in
// the middle of it and started again, and the client goes on where it was.
func TestTusJSClient(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("tus-js-client is NOT TESTED: there is no node; run make test, which installs it")
	}
	if _, err := os.Stat(filepath.Join(clients, "node_modules", "tus-js-client")); err != nil {
		t.Skip("tus-js-client is NOT TESTED: its package is not installed; run npm ci in e2e/clients, or make test")
	}
	p := newProcess(t, sqldb.SQLite)
	f := newFile("0192-js", 8<<20)
	name := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(name, f.bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	task, err := json.Marshal(map[string]any{"endpoint": p.url + prefix, "file": name, "key": f.key, "sha256": f.sum(), "who": "tom"})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "tus-js-client.mjs", string(task))
	cmd.Dir, cmd.Stderr = clients, t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	type line struct {
		Event string
		Sent  int64
		URL   string
	}
	killed, requests := false, map[string]int{}
	var urls []string
	restarted := make(chan struct{})
	for s := bufio.NewScanner(out); s.Scan(); {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		switch {
		case l.Event == "progress" && l.Sent > 3<<20 && !killed:
			killed = true
			p.kill()
			go func() {
				defer close(restarted)
				p.start()
			}()
		case l.Event == "done":
			urls = append(urls, l.URL)
		case l.Event == "failed":
			t.Error(s.Text())
		default:
			requests[l.Event]++
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !killed {
		t.Fatal("the server was not killed")
	}
	<-restarted
	// The script sends the file twice: a client that has forgotten everything but the key
	// gets the same upload.
	if len(urls) != 2 || urls[0] != urls[1] {
		t.Errorf("the uploads are %v", urls)
	}
	if requests["again from 0"] > 0 {
		t.Errorf("it began again: %v", requests)
	}
	testkit.Eventually(t, "the file is there", func() bool {
		a := p.ask("tom", "GET", "/whole?key="+f.key, nil)
		return a.status == 200 && a.body == string(f.bytes)
	})
}
