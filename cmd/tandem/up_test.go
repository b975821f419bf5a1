package main_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// demo is what a script reads of demo.json.
type demo struct {
	Instance, Issuer, OData, WebApp, Worker, DB string
	Applications                                []application
	Users                                       []struct {
		Login, Password string
		UserType        string `json:"user_type"`
		IsAdmin         bool   `json:"is_admin"`
	}
	Tokens []struct{ Kind, User, Token string }
}

// application is one of demo.json.
type application struct {
	ApplicationURI string   `json:"application_uri"`
	ClientType     string   `json:"client_type"`
	UserSecret     string   `json:"user_secret"`
	ServiceSecret  string   `json:"service_secret"`
	RedirectURIs   []string `json:"redirect_uris"`
	PostLogout     []string `json:"post_logout_redirect_uris"`
	Scope          string
	SystemUser     string `json:"system_user"`
}

// running is a `tandem up`.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	demo demo
	// began is how long it took until demo.json was there.
	began time.Duration

	log, stdout testkit.Log
	ended       chan struct{}
}

// up starts the whole system on free ports and waits for demo.json.
func up(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	args = append([]string{"up", "--data", dir, "--listen", ":0", "--webapp-listen", ":0", "--worker-listen", ":0"}, args...)
	r := &running{t: t, dir: dir, cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	r.stdout, r.log = testkit.NewLog(t), testkit.NewLog(t)
	r.cmd.Env, r.cmd.Dir, r.cmd.Stdout = environment(), t.TempDir(), r.stdout.File
	r.cmd.Stderr = r.log.File
	file := filepath.Join(dir, "demo.json")
	before, _ := os.Stat(file) // that of an earlier start, if any
	begun := time.Now()
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait() // the state says how it ended
	}()
	t.Cleanup(func() {
		select {
		case <-r.ended:
		default:
			_ = r.cmd.Process.Kill() // it may have ended just now
			<-r.ended
		}
		if t.Failed() {
			t.Log(r.text())
		}
	})
	testkit.Eventually(t, "demo.json", func() bool {
		select {
		case <-r.ended:
			t.Fatalf("up has ended: %s", r.text())
		default:
		}
		info, err := os.Stat(file)
		return err == nil && (before == nil || !os.SameFile(before, info))
	})
	r.began = time.Since(begun)
	r.read()
	return r
}

func (r *running) read() {
	r.t.Helper()
	file := filepath.Join(r.dir, "demo.json")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		r.t.Fatalf("demo.json has mode %v (%v), want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r.demo); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) text() string { return r.log.String() }

// stop ends it as Ctrl-C does and returns how long that took.
func (r *running) stop(signal os.Signal) time.Duration {
	r.t.Helper()
	at := time.Now()
	if err := r.cmd.Process.Signal(signal); err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(testkit.Patience):
		r.t.Fatal("up does not end")
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		r.t.Errorf("up ended with exit code %d: %s", code, r.text())
	}
	return time.Since(at)
}

// child is the process of one of the programs.
func (r *running) child(name string) int {
	r.t.Helper()
	children, err := os.ReadFile("/proc/" + strconv.Itoa(r.cmd.Process.Pid) + "/task/" + strconv.Itoa(r.cmd.Process.Pid) + "/children")
	if err != nil {
		r.t.Skip("no /proc here")
	}
	all := strings.Fields(string(children))
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(r.cmd.Process.Pid) + "/task/*/children")
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err == nil {
			all = append(all, strings.Fields(string(text))...)
		}
	}
	for _, pid := range all {
		line, err := os.ReadFile("/proc/" + pid + "/cmdline")
		if err == nil && bytes.Contains(line, []byte("\x00"+name+"\x00")) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				r.t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

func (r *running) serviceToken(client *http.Client) (status int, body string) {
	r.t.Helper()
	portal := r.demo.Applications[0]
	res, err := client.PostForm(r.demo.Issuer+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {portal.ApplicationURI}, "client_secret": {portal.ServiceSecret},
	})
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestUp(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := up(t, dir)
	d := first.demo
	t.Logf("first start %v", first.began.Round(time.Millisecond))

	// The shape of demo.json.
	if d.Issuer != d.Instance+"/id" || d.OData != d.Instance+"/api/domain/odata/" || !strings.HasPrefix(d.DB, "sqlite:/") {
		t.Errorf("addresses: %+v", d)
	}
	for _, u := range []string{d.Instance, d.WebApp, d.Worker} {
		if !regexp.MustCompile(`^http://localhost:[1-9][0-9]*$`).MatchString(u) {
			t.Errorf("address %s", u)
		}
	}
	portal, field := d.Applications[0], d.Applications[1]
	if portal.ApplicationURI != "com.example/portal" || portal.ClientType != "Confidential" || portal.Scope != "read update" ||
		portal.SystemUser != "svc.portal" || portal.RedirectURIs[0] != d.WebApp+"/signin-callback" ||
		portal.PostLogout[0] != d.WebApp+"/signout-callback" || portal.UserSecret == "" || portal.ServiceSecret == "" {
		t.Errorf("portal: %+v", portal)
	}
	if field.ApplicationURI != "com.example/field" || field.ClientType != "Public" || field.UserSecret+field.ServiceSecret != "" ||
		field.RedirectURIs[0] != "http://127.0.0.1/callback" {
		t.Errorf("field: %+v", field)
	}
	integration, starter := d.Applications[2], d.Applications[3]
	if integration.ApplicationURI != "com.example/integration" || integration.ServiceSecret == "" || integration.UserSecret != "" ||
		integration.SystemUser != "svc.integration" {
		t.Errorf("integration: %+v", integration)
	}
	if starter.ApplicationURI != "com.example/starter" || starter.UserSecret == "" || starter.ServiceSecret == "" ||
		!slices.Equal(starter.RedirectURIs, []string{"http://localhost:8090/signin-callback"}) {
		t.Errorf("starter: %+v", starter)
	}
	for i, want := range []string{"admin InternalUser true", "anna InternalUser false", "paul ExternalCommunityUser false"} {
		u := d.Users[i]
		if got := u.Login + " " + u.UserType + " " + strconv.FormatBool(u.IsAdmin); got != want || len(u.Password) < 12 {
			t.Errorf("user %s, want %s", got, want)
		}
	}

	// The very first call needs nothing but a token of the file.
	calls := func() {
		t.Helper()
		if len(d.Tokens) != 2 || d.Tokens[0].Kind != "pat" || d.Tokens[0].User != "anna" || d.Tokens[1].Kind != "sat" || d.Tokens[1].User != "svc.portal" {
			t.Fatalf("tokens for %d", len(d.Tokens))
		}
		for _, token := range d.Tokens {
			req, err := http.NewRequestWithContext(t.Context(), "GET", d.OData+"General_Products_Products?$top=3", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Api-Key", token.Token)
			res, err := http.DefaultClient.Do(req)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%s: %v %v", token.Kind, res, err)
			}
			res.Body.Close()
		}
	}

	// Everything answers, and nothing has called the API by itself.
	for _, u := range []string{d.Instance + "/readyz", d.WebApp + "/readyz", d.Worker + "/readyz", d.WebApp + "/"} {
		res, err := http.Get(u)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: %v %v", u, res, err)
		}
		res.Body.Close()
	}
	if rows := read[[]any](t, "session", "list", "--data", dir); len(rows) != 0 {
		t.Errorf("a fresh system has %d sessions", len(rows))
	}
	if status, body := first.serviceToken(http.DefaultClient); status != 200 {
		t.Errorf("a service token: %d %s", status, body)
	}

	first.sessions()
	calls()

	// Garbage is collected when the heap is worth it, not each time it doubles.
	if os.Getenv("GOGC") == "" {
		res, err := http.Get(d.Instance + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(text, []byte("\ngo_gc_gogc_percent ")) ||
			bytes.Contains(text, []byte("\ngo_gc_gogc_percent 100\n")) {
			t.Errorf("the instance collects garbage as a program does that keeps little: %v", err)
		}
	}

	// I13: passwords and secrets are in demo.json alone.
	for _, text := range []string{first.text(), first.stdout.String()} {
		for _, secret := range []string{portal.UserSecret, portal.ServiceSecret, d.Users[0].Password, d.Users[1].Password, d.Users[2].Password, d.Tokens[0].Token, d.Tokens[1].Token} {
			if strings.Contains(text, secret) {
				t.Errorf("a secret is printed where no person looks:\n%s", text)
			}
		}
	}
	for _, want := range []string{"instance | ", "webapp   | ", "worker   | "} {
		if !strings.Contains(first.text(), want) {
			t.Errorf("no line begins with %q", want)
		}
	}

	// A second one keeps away.
	if a := tandem(t, nil, "up", "--data", dir, "--listen", ":0"); a.code != 1 || !strings.Contains(a.stderr, "runs already") {
		t.Errorf("a second up: exit %d: %s", a.code, a.stderr)
	}

	// The switch works while it runs.
	done(t, "app", "disable", "com.example/portal", "--data", dir)
	testkit.Eventually(t, "a disabled application is refused", func() bool {
		status, _ := first.serviceToken(http.DefaultClient)
		return status == 400 || status == 401
	})
	done(t, "app", "enable", "com.example/portal", "--data", dir)
	testkit.Eventually(t, "an enabled application works", func() bool {
		status, _ := first.serviceToken(http.DefaultClient)
		return status == 200
	})

	done(t, "user", "create", "kept", "--type", "internal", "--data", dir)
	if took := first.stop(syscall.SIGINT); took > testkit.Patience {
		t.Errorf("it took %v to end", took)
	}

	second := up(t, dir)
	t.Logf("second start %v", second.began.Round(time.Millisecond))
	for i, u := range second.demo.Users {
		if u.Password != d.Users[i].Password {
			t.Errorf("%s has another password after the second start", u.Login)
		}
	}
	if a := second.demo.Applications[0]; a.UserSecret != portal.UserSecret || a.ServiceSecret != portal.ServiceSecret {
		t.Error("the portal has other secrets after the second start")
	}
	if a := second.demo.Applications[0]; len(a.RedirectURIs) != 1 || a.RedirectURIs[0] != second.demo.WebApp+"/signin-callback" {
		t.Errorf("redirect URIs after the second start: %v", a.RedirectURIs)
	}
	if !slices.Equal(second.demo.Tokens, d.Tokens) {
		t.Error("the second start has other reference tokens")
	}
	done(t, "user", "show", "kept", "--data", dir)
	if took := second.stop(syscall.SIGTERM); took > testkit.Patience {
		t.Errorf("it took %v to end", took)
	}
}

// sessions opens one with the back end's credential, and looks at it and ends it
// by command.
func (r *running) sessions() {
	t := r.t
	t.Helper()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	status, body := r.serviceToken(http.DefaultClient)
	if err := json.Unmarshal([]byte(body), &token); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.demo.OData+"Crm_Sales_SalesOrders?$top=1&$select=DocumentNo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("an order of the demo company: %v %v", res, err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(text, []byte("DocumentNo")) {
		t.Errorf("an order of the demo company: %s (%v)", text, err)
	}
	rows := read[[]map[string]any](t, "session", "list", "--data", r.dir)
	if len(rows) != 1 {
		t.Fatalf("sessions: %v", rows)
	}
	for name, want := range map[string]any{
		"id": res.Header.Get("Tandem-Session"), "kind": "service", "user": "svc.portal", "application_uri": "com.example/portal",
		"service_instance": "", "reserved": false,
	} {
		if rows[0][name] != want {
			t.Errorf("%s is %v, want %v", name, rows[0][name], want)
		}
	}
	for _, name := range []string{"opened_at", "last_request_at", "absolute_expires_at", "requests"} {
		if rows[0][name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if _, shown := rows[0]["ended_at"]; shown {
		t.Error("ended_at is for --all")
	}
	done(t, "session", "close", res.Header.Get("Tandem-Session"), "--reason", "maintenance", "--data", r.dir)
	if rows := read[[]map[string]any](t, "session", "list", "--data", r.dir); len(rows) != 0 {
		t.Errorf("after the end: %v", rows)
	}
	all := read[[]map[string]any](t, "session", "list", "--all", "--data", r.dir)
	if len(all) != 1 || all[0]["end_reason"] != "maintenance" || all[0]["ended_at"] == nil {
		t.Errorf("with --all: %v", all)
	}
}

func TestFailedStartKeepsThePasswords(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := up(t, dir)
	first.stop(syscall.SIGTERM)
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	a := tandem(t, nil, "up", "--data", dir, "--listen", ":0", "--webapp-listen", ":0", "--worker-listen", occupied.Addr().String())
	if a.code != 1 {
		t.Errorf("exit %d: %s", a.code, a.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); err == nil {
		t.Error("demo.json says that a system is ready that did not start")
	}
	second := up(t, dir)
	for i, u := range second.demo.Users {
		if u.Password != first.demo.Users[i].Password {
			t.Errorf("%s has another password", u.Login)
		}
	}
	second.stop(syscall.SIGTERM)

	// Without the file nobody knows them: they are made anew.
	if err := os.Remove(filepath.Join(dir, "demo.json")); err != nil {
		t.Fatal(err)
	}
	third := up(t, dir)
	for i, u := range third.demo.Users {
		if u.Password == "" || u.Password == first.demo.Users[i].Password {
			t.Errorf("%s has the password %q after the file was lost", u.Login, u.Password)
		}
	}
	third.stop(syscall.SIGTERM)
}

// A half that is started by hand on the data of a demo finds what up started
// it with, and its redirect URI is still registered.
func TestHalfByHandFindsItsDemo(t *testing.T) {
	t.Parallel()
	r := up(t, filepath.Join(t.TempDir(), "data"))
	for _, half := range []string{"webapp", "worker"} {
		text, err := os.ReadFile(filepath.Join(r.dir, half, "half.json"))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Issuer         string
			ApplicationURI string `json:"application_uri"`
		}
		if err := json.Unmarshal(text, &file); err != nil || file.Issuer != r.demo.Issuer || file.ApplicationURI != "com.example/portal" {
			t.Errorf("%s/half.json: %s %v", half, text, err)
		}
		for _, app := range r.demo.Applications {
			for _, secret := range []string{app.UserSecret, app.ServiceSecret} {
				if secret != "" && strings.Contains(string(text), secret) {
					t.Errorf("%s/half.json holds a secret (I8)", half)
				}
			}
		}
	}
	data := t.TempDir() // a copy: the one that runs keeps its store
	for _, name := range []string{"channel.key", "webapp/credential", "webapp/half.json"} {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(filepath.Join(data, "webapp"), 0o700), os.WriteFile(filepath.Join(data, name), text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var log testkit.Buffer
	cmd := exec.Command(binary, "webapp", "--data", data, "--webapp-listen", "127.0.0.1:0", "--drain", "0s")
	cmd.Env, cmd.Stderr = environment(), &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the web app's log", func() bool { return strings.Contains(log.String(), "listening") })
	if !strings.Contains(log.String(), "issuer="+r.demo.Issuer) {
		t.Errorf("the web app by hand has another issuer:\n%s", log.String())
	}
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

// With no room for the data the start says so in one line, and a start with
// room finds nothing half made. A limit on the size of files stands for the disk.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command("bash", "-c", `ulimit -f 2000; exec "$@"`, "bash", binary, "up", "--data", dir, "--listen", ":0", "--webapp-listen", ":0", "--worker-listen", ":0")
	var stderr testkit.Buffer
	cmd.Env, cmd.Stderr = environment(), &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("exit %d (%v): %s", cmd.ProcessState.ExitCode(), err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "tandem: ") || !strings.Contains(last, "disk is full") {
		t.Errorf("the last line is %q", last)
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); err == nil {
		t.Error("demo.json says that a system is ready that did not start")
	}
	r := up(t, dir)
	if status, body := r.serviceToken(http.DefaultClient); status != http.StatusOK {
		t.Errorf("after there is room: %d %s", status, body)
	}
	r.stop(syscall.SIGTERM)
}

func TestChildrenAreStartedAgainAndDieWithTheirParent(t *testing.T) {
	t.Parallel()
	r := up(t, filepath.Join(t.TempDir(), "data"))
	at := map[string]string{"instance": r.demo.Instance, "webapp": r.demo.WebApp, "worker": r.demo.Worker}
	for name, address := range at {
		before := r.child(name)
		if before == 0 {
			t.Fatalf("no process of the %s", name)
		}
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "another "+name, func() bool {
			now := r.child(name)
			return now != 0 && now != before
		})
		testkit.Eventually(t, "the "+name+" answers again at its address", func() bool {
			res, err := http.Get(address + "/readyz")
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == 200
		})
		if !strings.Contains(r.text(), "the "+name+" has ended; it is started again") {
			t.Errorf("nobody said that the %s was started again", name)
		}
	}
	children := []int{r.child("instance"), r.child("webapp"), r.child("worker")}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the children end with their parent", func() bool {
		for _, pid := range children {
			if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && !bytes.Contains(state, []byte(") Z ")) {
				return false
			}
		}
		return true
	})
}

// TestI8_EachProcessGetsOnlyItsOwn looks at what the processes were given.
func TestI8_EachProcessGetsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	r := up(t, dir)
	portal := r.demo.Applications[0]
	given := func(name string) string {
		pid := strconv.Itoa(r.child(name))
		args, err := os.ReadFile("/proc/" + pid + "/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		env, err := os.ReadFile("/proc/" + pid + "/environ")
		if err != nil {
			t.Fatal(err)
		}
		return string(args) + "\x00" + string(env)
	}
	webapp, worker, instance := given("webapp"), given("worker"), given("instance")
	for name, has := range map[string]struct {
		text string
		not  []string
	}{
		"web app":  {webapp, []string{"worker/credential", "worker.db", "tandem.db", "tandem-erp.db", "instance.key"}},
		"worker":   {worker, []string{"webapp/credential", "webapp.db", "tandem.db", "tandem-erp.db", "instance.key"}},
		"instance": {instance, []string{"credential", "webapp.db", "worker.db", "channel.key"}},
	} {
		for _, word := range append(has.not, portal.UserSecret, portal.ServiceSecret, r.demo.Users[0].Password) {
			if strings.Contains(has.text, word) {
				t.Errorf("the %s was given %s", name, word)
			}
		}
	}
	for file, other := range map[string]string{"webapp/credential": portal.ServiceSecret, "worker/credential": portal.UserSecret} {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text), other) {
			t.Errorf("%s holds the other half's secret (%v)", file, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v)", file, info.Mode(), err)
		}
	}
	keys := map[string]bool{}
	for _, file := range []string{"instance.key", "webapp/key", "channel.key"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if keys[string(text)] {
			t.Errorf("%s is the key of another", file)
		}
		keys[string(text)] = true
	}
}

func TestUpWithADevelopmentAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	r := up(t, dir, "--tls-dev", "--log-format", "json")
	ca, err := os.ReadFile(filepath.Join(dir, "dev-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	for _, u := range []string{r.demo.Instance + "/healthz", r.demo.WebApp + "/", r.demo.Worker + "/readyz"} {
		if !strings.HasPrefix(u, "https://localhost:") {
			t.Errorf("address %s", u)
		}
		res, err := client.Get(u)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: %v %v", u, res, err)
		}
		res.Body.Close()
	}
	if status, body := r.serviceToken(client); status != 200 {
		t.Errorf("a service token: %d %s", status, body)
	}
	// The web app reaches the instance: it sends people to its sign-in page.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Get(r.demo.WebApp + "/signin")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); !strings.HasPrefix(to, r.demo.Issuer+"/connect/authorize?") {
		t.Errorf("sign-in: %d to %q", res.StatusCode, to)
	}
	// And the worker: the page of the stock comes from there.
	anna := tandemtest.NewBrowser(t)
	anna.Client.Transport = client.Transport
	if page := anna.SignIn(r.demo.WebApp+"/signin?return_to=/stock", "anna", r.demo.Users[1].Password); page.StatusCode != 200 || !strings.Contains(page.Text, "Sync stock now") {
		t.Errorf("the stock: %d %s", page.StatusCode, page.Text)
	}
	for line := range strings.Lines(r.text()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	r.stop(syscall.SIGTERM)
	second := up(t, dir, "--tls-dev")
	if again, err := os.ReadFile(filepath.Join(dir, "dev-ca.pem")); err != nil || !bytes.Equal(again, ca) {
		t.Errorf("the authority was made again (%v)", err)
	}
	second.stop(syscall.SIGTERM)
}
