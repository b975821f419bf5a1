package main_test

import (
	"bufio"
	"bytes"
	"context"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/worker/importer/northwindtest"
)

// walk follows the commands of a page of the documentation.
type walk struct {
	t   *testing.T
	dir string
	// replace are the addresses and names of the page as they are here.
	replace *strings.Replacer
}

// commands are those of the page, each in one line.
func commands(t *testing.T, page string) (all []string) {
	t.Helper()
	f, err := os.Open(page)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inside, line := false, ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "```"):
			inside = text == "```sh"
		case inside && strings.HasSuffix(text, "\\"):
			line += strings.TrimSuffix(text, "\\")
		case inside:
			all, line = append(all, line+text), ""
		}
	}
	return all
}

var word = regexp.MustCompile(`"[^"]*"|\S+`)

// run runs one command of the page, whose output goes into a file after >; one that ends
// in & goes on.
func (w *walk) run(command string) (stdout string) {
	w.t.Helper()
	command, stays := strings.CutSuffix(command, " &")
	command, into, redirected := strings.Cut(strings.TrimSuffix(command, " 2>&1"), " > ")
	var args []string
	for _, a := range word.FindAllString(w.replace.Replace(command), -1)[1:] {
		args = append(args, strings.Trim(a, `"`))
	}
	ctx := context.Background()
	if !stays {
		bound, cancel := context.WithTimeout(w.t.Context(), testkit.Patience)
		defer cancel()
		ctx = bound
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = environment(), w.dir
	if !stays {
		text, err := cmd.Output()
		if err == nil && redirected {
			err = os.WriteFile(filepath.Join(w.dir, into), text, 0o600)
		}
		if err != nil {
			w.t.Fatalf("%s: %v", command, err)
		}
		return string(text)
	}
	log := testkit.NewLog(w.t)
	cmd.Stdout, cmd.Stderr = log.File, log.File
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
		if w.t.Failed() {
			w.t.Log(command + "\n" + log.String())
		}
	})
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// From an empty folder to a portal where paul sees his orders: what the page says,
// with the addresses of free ports.
func TestFirstPortal(t *testing.T) {
	t.Parallel()
	instance, webapp, worker := freePort(t), freePort(t), freePort(t)
	number := "VINET"
	if _, real := northwindtest.Dir(t); !real {
		number = "C0001"
	}
	w := &walk{t, t.TempDir(), strings.NewReplacer(
		"localhost:8081", "localhost:"+webapp, "VINET", number,
		"tandem instance", "tandem instance --listen 127.0.0.1:"+instance,
		"tandem worker", "tandem worker --worker-listen 127.0.0.1:"+worker+" --issuer http://localhost:"+instance+"/id",
		"tandem webapp", "tandem webapp --webapp-listen 127.0.0.1:"+webapp+" --worker http://127.0.0.1:"+worker+" --issuer http://localhost:"+instance+"/id",
	)}
	const password = "correct horse battery"
	for _, name := range []string{"ada", "paul"} {
		if err := os.WriteFile(filepath.Join(w.dir, name+".password"), []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root := "http://localhost:" + webapp
	imported := false
	for _, command := range commands(t, "../../docs/first-portal.md") {
		if strings.Contains(command, "access external") && !imported {
			imported = true
			importNorthwind(t, root, password)
		}
		out := w.run(command)
		switch {
		case strings.Contains(command, "--secrets-to") && strings.Contains(out, "secret"):
			t.Errorf("a secret is shown: %s", out)
		case strings.Contains(command, "external list") && !strings.Contains(out, "Billing"):
			t.Errorf("%s: %s", command, out)
		case strings.Contains(command, "session list") && (!strings.Contains(out, "svc.acme") || !headed(t, out)):
			t.Errorf("%s: %s", command, out)
		case strings.Contains(command, "record list") && !strings.Contains(out, "gave paul the role Billing for the customer "+number):
			t.Errorf("%s: %s", command, out)
		}
		if strings.HasSuffix(command, "&") {
			for name, port := range map[string]string{"instance": instance, "webapp": webapp, "worker": worker} {
				if strings.HasPrefix(command, "tandem "+name) {
					ready(t, "http://127.0.0.1:"+port+"/readyz")
				}
			}
		}
		if strings.Contains(command, "external list") {
			b := tandemtest.NewBrowser(t)
			page := b.SignIn(root+"/signin", "paul", password)
			page = b.Get(root + "/portal/orders")
			if page.StatusCode != 200 || !strings.Contains(page.Text, "NW-10") {
				t.Errorf("paul's orders: %d %s", page.StatusCode, page.Text)
			}
		}
	}
	w.run("tandem access external remove paul --customer " + number)
	if out := w.run("tandem access external list paul -o json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after the removal: %s", out)
	}
}

func ready(t *testing.T, address string) {
	t.Helper()
	testkit.Eventually(t, address, func() bool {
		res, err := http.Get(address)
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})
}

// importNorthwind imports the files as a person does, and wants all of their rows.
func importNorthwind(t *testing.T, root, password string) {
	t.Helper()
	b := tandemtest.NewBrowser(t)
	b.SignIn(root+"/signin", "ada", password)
	files := map[string][]byte{}
	for _, name := range northwindtest.Files(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = text
	}
	job := upload(t, b, root, files)
	var page *tandemtest.Page
	testkit.Eventually(t, "the import", func() bool {
		page = b.Get(root + job)
		return strings.Contains(page.Text, `data-state="completed"`)
	})
	if strings.Contains(page.Text, "completed with problems") || !strings.Contains(page.Text, " 0 refused") {
		t.Fatal(page.Text)
	}
}

// upload imports files as the person of the browser, and gives the path of the job.
func upload(t *testing.T, b *tandemtest.Browser, root string, files map[string][]byte) string {
	t.Helper()
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	for name, text := range files {
		part, err := m.CreateFormFile("files", name)
		if err == nil {
			_, err = part.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", root+"/import", &form)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Origin", root)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/jobs/") {
		t.Fatalf("the upload: %s to %q", res.Status, res.Header.Get("Location"))
	}
	return res.Header.Get("Location")
}

// headed reports whether a list of sessions has the columns that the README shows.
func headed(t *testing.T, list string) bool {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(list, "\n")
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "ID  ") {
			return slices.Equal(strings.Fields(line), strings.Fields(head))
		}
	}
	return false
}
