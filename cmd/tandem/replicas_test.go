package main_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const deployment = "../../deploy/"

// composed is compose.yaml as far as it is about our programs.
type composed struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Secrets     []string
	}
	Secrets map[string]struct{ File string }
}

func readCompose(t *testing.T) (c composed) {
	t.Helper()
	text, err := os.ReadFile(deployment + "compose.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each secret that a service reads is one that it is given, and that there is.
func TestComposeNamesItsSecrets(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	for name, s := range c.Services {
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
		for variable, value := range s.Environment {
			if secret, is := strings.CutPrefix(value, "/run/secrets/"); is && !slices.Contains(s.Secrets, secret) {
				t.Errorf("%s: %s is %s, which it is not given", name, variable, value)
			}
		}
	}
}

// replicas are the services of compose.yaml as processes of this machine: with
// its commands and variables, its proxy's configuration, and its secrets.
type replicas struct {
	t    *testing.T
	dir  string
	c    composed
	at   map[string]string // host:port of the file → address here
	here *strings.Replacer // for commands and variables
	erp  string
	// portal is where browsers go.
	portal    string
	transport *http.Transport
	running   map[string]*exec.Cmd
	worker    *sqldb.DB // the workers' database
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{t: t, dir: t.TempDir(), c: readCompose(t), at: map[string]string{}, running: map[string]*exec.Cmd{}}
	public, inner := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	_, port, _ := strings.Cut(public, ":")
	_, innerPort, _ := strings.Cut(inner, ":")
	r.erp, r.portal = "https://localhost:"+port, "https://127.0.0.1:"+port
	r.at["bind :443"], r.at["bind :8443"] = "bind "+public, "bind "+inner
	r.at["listen 443"], r.at["listen 8443"] = "listen "+public, "listen "+inner
	for name, s := range r.c.Services {
		if s.Image == "tandem" && len(s.Command) > 0 {
			own := map[string]string{"instance": ":8080", "webapp": ":8081", "worker": ":8082"}[s.Command[0]]
			r.at[name+own] = "127.0.0.1:" + freePort(t)
		}
	}
	r.here = strings.NewReplacer(
		"https://erp.acme.example", r.erp, "https://portal.acme.example", r.portal,
		"https://worker.acme.example:8443", "https://localhost:"+innerPort,
		"/run/secrets/", filepath.Join(r.dir, "secrets")+"/", "172.30.0.2", "127.0.0.1",
	)
	if out, err := exec.Command(deployment+"secrets.sh", filepath.Join(r.dir, "secrets")).CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh: %v %s", err, out)
	}
	for _, name := range []string{"instance", "webapp", "worker"} {
		address := datatest.URL(t, sqldb.PostgreSQL)
		r.write("secrets/"+name+"_db", address)
		if name == "worker" {
			var err error
			if r.worker, err = sqldb.Open(t.Context(), address, sqldb.Options{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.worker.Close() })
		}
	}
	r.certificate()
	t.Cleanup(r.end)
	return r
}

func (r *replicas) write(name, text string) string {
	r.t.Helper()
	name = filepath.Join(r.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return name
}

// certificate makes one that is its own authority, for the proxy and those who
// ask it.
func (r *replicas) certificate() {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		r.t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	r.write("secrets/ca", public)
	r.write("tandem.pem", public+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(public))
	// People come from another address than the proxy's own.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	r.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: dialer.DialContext}
	r.t.Cleanup(r.transport.CloseIdleConnections)
}

// service is a command of compose.yaml as it is here.
func (r *replicas) service(name string, args ...string) *exec.Cmd {
	s := r.c.Services[name]
	if len(args) == 0 {
		args = s.Command
	}
	address := func(text string) string {
		for _, port := range []string{":8080", ":8081", ":8082"} {
			if own := r.at[name+port]; own != "" {
				text = strings.ReplaceAll(text, "0.0.0.0"+port, own)
			}
		}
		return r.here.Replace(text)
	}
	variables := []string{"TANDEM_DATA=" + filepath.Join(r.dir, name)}
	for variable, value := range s.Environment {
		variables = append(variables, variable+"="+address(value))
	}
	cmd := exec.Command(binary)
	for _, a := range args {
		cmd.Args = append(cmd.Args, address(a))
	}
	cmd.Env, cmd.Dir = environment(variables...), r.dir
	return cmd
}

// admin runs a command as the service admin does.
func (r *replicas) admin(args ...string) string {
	r.t.Helper()
	out, err := r.service("admin", args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v: %v %s", args, err, out)
	}
	return string(out)
}

// start starts a program; its log is shown when the test fails.
func (r *replicas) start(name string, cmd *exec.Cmd) {
	r.t.Helper()
	var log testkit.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.running[name] = cmd
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Logf("%s\n%s", name, log.String())
		}
	})
}

// kill ends programs as kill -9 does.
func (r *replicas) kill(names ...string) {
	for _, name := range names {
		if cmd := r.running[name]; cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			delete(r.running, name)
		}
	}
}

func (r *replicas) end() {
	for name := range r.running {
		r.kill(name)
	}
}

// up starts services and waits until they are ready.
func (r *replicas) up(names ...string) {
	r.t.Helper()
	for _, name := range names {
		r.start(name, r.service(name))
	}
	for place, address := range r.at {
		if name, _, _ := strings.Cut(place, ":"); slices.Contains(names, name) {
			ready(r.t, "http://"+address+"/readyz")
		}
	}
}

// configuration is one of a proxy as it is here.
func (r *replicas) configuration(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(deployment + name)
	if err != nil {
		r.t.Fatal(err)
	}
	// nginx keeps what is on its way in folders that only root may have.
	pairs := []string{"access_log off;", "access_log off;", "/etc/haproxy/certs", r.dir, "/etc/nginx/certs", r.dir,
		"erp.acme.example", "localhost", "portal.acme.example", "127.0.0.1", "worker.acme.example", "localhost"}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		pairs[1] += "\n" + kind + "_temp_path " + r.dir + "/" + kind + ";"
	}
	for place, address := range r.at {
		pairs = append(pairs, place, address)
	}
	return r.write(name, strings.NewReplacer(pairs...).Replace(string(text)))
}

// reachable waits until somebody answers behind the proxy.
func (r *replicas) reachable(t *testing.T) {
	t.Helper()
	client := http.Client{Transport: r.transport}
	for _, root := range []string{r.erp, r.portal} {
		testkit.Eventually(t, "through the proxy to "+root, func() bool {
			res, err := client.Get(root + "/readyz")
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
}

func (r *replicas) signIn(login string) *tandemtest.Browser {
	r.t.Helper()
	b := tandemtest.NewBrowser(r.t)
	b.Client.Transport = r.transport
	page := b.SignIn(r.portal+"/signin", login, "correct horse battery")
	if page.StatusCode != http.StatusOK || !strings.HasPrefix(page.Request.URL.String(), r.portal) {
		r.t.Fatalf("%s at %s: %d %s", login, page.Request.URL, page.StatusCode, page.Text)
	}
	return b
}

// follow reads a job's events as a browser does, which comes back when the stream
// breaks and gives up when it is refused. It says how the job ended, and how often
// the stream broke. opened is told of the first event.
func (r *replicas) follow(b *tandemtest.Browser, job string, opened func()) (state string, breaks int) {
	opened = sync.OnceFunc(opened)
	defer opened()
	for ; ; breaks++ {
		res, err := b.Client.Get(r.portal + job + "/events")
		if err != nil {
			time.Sleep(100 * time.Millisecond) // as if it was the browser's pause
			continue
		}
		if res.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			return fmt.Sprintf("%s %s", res.Status, text), breaks
		}
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			var event struct{ State string }
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is && json.Unmarshal([]byte(data), &event) == nil {
				state = event.State
				opened()
			}
		}
		res.Body.Close()
		if state == "completed" || state == "failed" || state == "cancelled" {
			return state, breaks
		}
	}
}

// runner is the worker that has an attempt at the job.
func (r *replicas) runner(job string) (name string) {
	found, err := filepath.Glob(filepath.Join(r.dir, "worker-*", "worker", "files", filepath.Base(job)+".*"))
	if err != nil || len(found) == 0 {
		return ""
	}
	inside, _ := filepath.Rel(r.dir, found[0])
	name, _, _ = strings.Cut(inside, string(filepath.Separator))
	return name
}

func customers(prefix string, n int) map[string][]byte {
	var all bytes.Buffer
	all.WriteString("customerID,companyName,contactName,contactTitle,address,city,region,postalCode,country,phone,fax\n")
	for i := range n {
		fmt.Fprintf(&all, "%s%d,Company %[2]d,,,,,NULL,,,,\n", prefix, i)
	}
	return map[string][]byte{"customers.csv": all.Bytes()}
}

// installed is where a program of the system is, also where only root looks for it.
func installed(name string) string {
	for _, file := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(file); err == nil {
			return found
		}
	}
	return ""
}

// Two instances, two web apps and three workers on one PostgreSQL, behind the
// proxies that are documented, with the commands of compose.yaml.
func TestReplicas(t *testing.T) {
	t.Parallel()
	haproxy := installed("haproxy")
	if haproxy == "" {
		t.Skip("HAProxy is not installed (Debian: haproxy); the way through it is not tested")
	}
	r := newReplicas(t)
	password := r.write("password", "correct horse battery\n")
	r.admin("user", "create", "svc.acme", "--type", "system")
	r.admin("access", "group", "add-member", "All data", "svc.acme")
	r.admin("user", "create", "ada", "--type", "internal", "--admin", "--password-file", password)
	r.admin("app", "create", "--uri", "com.acme/portal", "--name", "Acme portal", "--type", "confidential", "--internal", "--external", "--first-party",
		"--system-user", "svc.acme", "--scope", "read update", "--secrets-to", filepath.Join(r.dir, "secrets"),
		"--redirect", r.portal+"/signin-callback", "--post-logout", r.portal+"/signout-callback")
	r.up("instance-1")
	r.up("instance-2")
	// The halves ask the instances through the proxy.
	r.start("haproxy", exec.Command(haproxy, "-db", "-f", r.configuration("haproxy.cfg")))
	r.up("webapp-1", "webapp-2", "worker-1", "worker-2", "worker-3")
	r.reachable(t)
	b := r.signIn("ada")

	t.Run("pages come from each web app and each instance", func(t *testing.T) {
		for range 6 {
			if p := b.Get(r.portal + "/jobs"); p.StatusCode != http.StatusOK || p.Request.URL.Path != "/jobs" {
				t.Errorf("%d at %s", p.StatusCode, p.Request.URL)
			}
		}
	})
	t.Run("people have the address that the proxy saw", func(t *testing.T) { r.addresses(t) })
	t.Run("a worker and a web app die in the middle", func(t *testing.T) { r.deaths(t, b) })
	t.Run("an export is to be had at each worker", func(t *testing.T) { r.exports(t, b) })
	t.Run("a schedule starts one job", func(t *testing.T) { r.schedules(t) })
	t.Run("long addresses", func(t *testing.T) { r.longAddress(t) })
	r.kill("haproxy")
	t.Run("nginx", func(t *testing.T) { r.nginx(t, b) })
}

func (r *replicas) addresses(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.erp+"/id/connect/token", strings.NewReader(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"com.acme/portal"}, "client_secret": {"wrong"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	req.Header.Set("Forwarded", "for=203.0.113.8")
	res, err := r.transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if record := r.admin("record", "list", "-o", "json"); !strings.Contains(record, "127.0.0.2") || strings.Contains(record, "203.0.113.") {
		t.Errorf("%d, and the record: %s", res.StatusCode, record)
	}
}

// deaths kills the worker that has an import, and a web app that streams its events.
func (r *replicas) deaths(t *testing.T, b *tandemtest.Browser) {
	const rows = 3000
	for round := 1; ; round++ {
		job := upload(t, b, r.portal, customers(fmt.Sprintf("K%d_", round), rows))
		breaks, victim := r.killDuring(t, b, job)
		if p := b.Get(r.portal + job); p.StatusCode != http.StatusOK || !strings.Contains(p.Text, `data-state="completed"`) || !strings.Contains(p.Text, "3000") {
			t.Errorf("%d %s", p.StatusCode, p.Text)
		}
		r.up(victim, "webapp-1")
		var attempts int
		err := r.worker.Reader().QueryRowContext(t.Context(), `SELECT attempts FROM jobs WHERE id = $1`, filepath.Base(job)).Scan(&attempts)
		switch {
		case err != nil:
			t.Fatal(err)
		case attempts == 2 && breaks > 0:
			return
		case attempts != 1 || round == 5:
			t.Fatalf("%d attempts and %d broken streams", attempts, breaks)
		} // it had ended before; another one, then
	}
}

func (r *replicas) killDuring(t *testing.T, b *tandemtest.Browser, job string) (breaks int, victim string) {
	var lock sync.Mutex
	var opened, following sync.WaitGroup
	for range 4 { // two at each web app
		opened.Add(1)
		following.Go(func() {
			state, broken := r.follow(b, job, opened.Done)
			lock.Lock()
			defer lock.Unlock()
			breaks += broken
			if state != "completed" {
				t.Errorf("a browser saw: %s, after %d broken streams", state, broken)
			}
		})
	}
	testkit.Eventually(t, "a worker has the job", func() bool { victim = r.runner(job); return victim != "" })
	opened.Wait()
	r.kill(victim, "webapp-1")
	following.Wait()
	return breaks, victim
}

func (r *replicas) exports(t *testing.T, b *tandemtest.Browser) {
	form := b.Get(r.portal + "/export")
	page := b.Submit(form, url.Values{"from": {"2026-01-01"}, "to": {"2026-01-31"}, "format": {"csv"}})
	job := page.Request.URL.Path
	testkit.Eventually(t, "the export", func() bool {
		page = b.Get(r.portal + job)
		return strings.Contains(page.Text, `data-state="completed"`)
	})
	for range 6 {
		if f := b.Get(r.portal + job + "/file"); f.StatusCode != http.StatusOK || !strings.Contains(f.Header.Get("Content-Disposition"), "orders-2026-01-01") {
			t.Errorf("%d %v %s", f.StatusCode, f.Header, f.Text)
		}
	}
	for _, n := range []string{"worker-1", "worker-2", "worker-3"} {
		if left, _ := filepath.Glob(filepath.Join(r.dir, n, "worker", "files", filepath.Base(job)+"*")); len(left) > 0 {
			t.Errorf("%s keeps %v", n, left)
		}
	}
}

func (r *replicas) schedules(t *testing.T) {
	if _, err := r.worker.Writer().ExecContext(t.Context(), `UPDATE schedules SET next_at = 1 WHERE name = 'Stock sync'`); err != nil {
		t.Fatal(err)
	}
	var started, done int
	testkit.Eventually(t, "the schedule's job is done", func() bool {
		err := r.worker.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(CASE WHEN state = 'completed' THEN 1 END) FROM jobs
			WHERE requested_by = 'schedule: Stock sync'`).Scan(&started, &done)
		return err == nil && done > 0
	})
	if started != 1 {
		t.Errorf("%d jobs", started)
	}
}

// longAddress is an authorization request that is as long as it may be.
func (r *replicas) longAddress(t *testing.T) {
	client := http.Client{Transport: r.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(r.erp + "/id/connect/authorize?" + url.Values{
		"client_id": {"com.acme/portal"}, "redirect_uri": {r.portal + "/signin-callback"}, "response_type": {"code"}, "scope": {"openid"},
		"state": {strings.Repeat("s", 8000)}, "nonce": {"n"}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
		"unknown": {strings.Repeat("u", 20000)}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode >= 400 {
		t.Error(res.Status)
	}
}

// nginx goes on where HAProxy was.
func (r *replicas) nginx(t *testing.T, b *tandemtest.Browser) {
	program := installed("nginx")
	if program == "" {
		t.Skip("nginx is not installed (Debian: nginx-light); its configuration is not tested")
	}
	args := []string{"-e", "stderr", "-c", r.configuration("nginx.conf"), "-g", "daemon off; master_process off; pid " + r.dir + "/nginx.pid;"}
	if out, err := exec.Command(program, append(args, "-t")...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	r.start("nginx", exec.Command(program, args...))
	r.reachable(t)
	r.longAddress(t)
	r.addresses(t)
	files := customers("N", 10)
	files["large.csv"] = bytes.Repeat([]byte("x,y\n"), 500_000) // more than nginx takes by itself
	if state, _ := r.follow(b, upload(t, b, r.portal, files), func() {}); state != "completed" {
		t.Errorf("an import through nginx: %s", state)
	}
	again := r.signIn("ada")
	r.kill("webapp-2")
	for range 4 {
		if p := again.Get(r.portal + "/jobs"); p.StatusCode != http.StatusOK {
			t.Errorf("with one web app: %d", p.StatusCode)
		}
	}
}
