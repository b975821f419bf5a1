package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// TestMain lets the test's own program be an agent, which can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("AGENT_TEST_ISSUER") == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := runProcess(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runProcess(ctx context.Context) error {
	dir := os.Getenv("AGENT_TEST_DIR")
	db, err := sqldb.Open(ctx, os.Getenv("AGENT_TEST_DB"), sqldb.Options{})
	if err != nil {
		return err
	}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: os.Getenv("AGENT_TEST_ISSUER")})
	if err != nil {
		return err
	}
	key, err := internalapi.NewChannelKey(channelKey)
	if err != nil {
		return err
	}
	box, err := seal.New("prices agent", make([]byte, seal.KeySize))
	if err != nil {
		return err
	}
	agent.KeepSmall()
	a, err := agent.New(ctx, agent.Config{
		Provider: provider, ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(os.Getenv("AGENT_TEST_SECRET")),
		DB: db, Dir: dir, Box: box, ChannelKey: key, Still: 50 * time.Millisecond, Scan: 300 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: a.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	fmt.Printf("http://%s\n", l.Addr())
	return a.Run(ctx)
}

// spawn starts an agent as a process on the store of the robot, and gives the end of it
// by kill -9.
func (r *robot) spawn() (kill func()) {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AGENT_TEST_ISSUER="+r.Issuer, "AGENT_TEST_DIR="+r.dir, "AGENT_TEST_DB="+r.db.URL(), "AGENT_TEST_SECRET="+r.ServiceSecret)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.pid = cmd.Process.Pid
	kill = sync.OnceFunc(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	r.t.Cleanup(kill)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.t.Fatalf("the agent does not start: %v", err)
	}
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	channel, err := internalapi.NewClient(strings.TrimSpace(url), r.key, transport)
	if err != nil {
		r.t.Fatal(err)
	}
	channel.Patience = testkit.Patience
	r.api = &wire.Client{Client: channel}
	return kill
}

// unstarted is an agent's place that no process runs yet.
func (p *place) unstarted() *robot {
	p.t.Helper()
	dir := p.t.TempDir()
	db, err := sqldb.Open(p.t.Context(), "sqlite:"+filepath.Join(dir, "agent.db"), sqldb.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { db.Close() })
	key, err := internalapi.NewChannelKey(channelKey)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, sub := range []string{"jobs", "drop", "work"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			p.t.Fatal(err)
		}
	}
	workerdb.Fill(p.t, db.URL(), filepath.Join(dir, "jobs"))
	return &robot{place: p, dir: dir, drop: filepath.Join(dir, "drop"), db: db, key: key}
}

// tap stops calls of the API in the middle: before they reach the ERP, or after it has
// done what they ask, so that nobody learns of it.
type tap struct {
	mu    sync.Mutex
	match func(r *http.Request) bool
	after bool
	met   chan struct{}
}

// next lets the next call that matches stand still until its caller is gone.
func (o *tap) next(after bool, match func(r *http.Request) bool) (met <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.match, o.after, o.met = match, after, make(chan struct{})
	return o.met
}

func (o *tap) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		hit := o.match != nil && strings.Contains(r.URL.Path, "/api/domain/odata/") && o.match(r)
		after, met := o.after, o.met
		if hit {
			o.match = nil
		}
		o.mu.Unlock()
		if !hit {
			next.ServeHTTP(w, r)
			return
		}
		if after {
			next.ServeHTTP(discard{http.Header{}}, r)
		}
		close(met)
		<-r.Context().Done()
	})
}

// discard is a response that never leaves.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func isImport(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/Import") }
func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "Products")
}

// F3: each step is killed once, with kill -9: in the dry run, at the gate, in the middle
// of writing before and after the ERP has done a call, while reconciling, and in a
// rollback. Nothing is lost, nothing is written twice, and the report counts once.
func TestF3_EachStepIsKilledOnce(t *testing.T) {
	t.Parallel()
	o := &tap{}
	p := newPlace(t, tandemtest.Options{Wrap: o.wrap})
	r := p.unstarted()
	all := p.products("Active eq true")
	var rows []string
	for _, one := range all {
		rows = append(rows, one.PartNumber+","+times(one.Price, 1.5))
	}
	await := func(met <-chan struct{}, what string) {
		t.Helper()
		select {
		case <-met:
		case <-time.After(testkit.Patience):
			t.Fatal("never: " + what)
		}
	}
	kill := r.spawn()
	again := func() { kill(); kill = r.spawn() }

	met := o.next(false, isRead)
	r.put("prices.csv", list(rows...))
	await(met, "the dry run looks at products")
	again()
	r.until(1, wire.Waiting)
	again() // at the gate
	if err := r.decide("maria", 1); err != nil {
		t.Fatal(err)
	}
	met = o.next(false, isImport)
	// The job may be on its way already; then the second call is met.
	await(met, "the first call is made")
	met = o.next(true, isImport)
	again()
	await(met, "a call is done, and nobody learns of it")
	met = o.next(false, isRead)
	again()
	await(met, "prices are read again")
	again()
	b := r.until(1, wire.Completed)
	if n := int64(len(all)); b.Figures.Count[wire.RowDone] != n || b.Figures.Rows != n {
		t.Errorf("%+v", b.Figures)
	}
	for _, one := range p.products("Active eq true") {
		was := all[indexOf(all, one.PartNumber)]
		if one.Version != was.Version+1 || one.UpdateUser != systemUser {
			t.Errorf("%s has version %d after %d, by %s", one.PartNumber, one.Version, was.Version, one.UpdateUser)
		}
	}

	if _, err := r.api.RollBack(t.Context(), r.idToken("ada"), 1, wire.Rollback{Reason: "wrong"}); err != nil {
		t.Fatal(err)
	}
	r.until(2, wire.Waiting)
	met = o.next(true, isImport)
	if err := r.decide("maria", 2); err != nil {
		t.Fatal(err)
	}
	await(met, "a call of the rollback is done, and nobody learns of it")
	again()
	r.until(2, wire.Completed)
	if b := r.batch("maria", 1); b.State != wire.RolledBack {
		t.Errorf("the first batch is %s", b.State)
	}
	for _, one := range p.products("Active eq true") {
		was := all[indexOf(all, one.PartNumber)]
		if one.Version != was.Version+2 || p64(one) != p64(was) {
			t.Errorf("%s costs %s in version %d, and cost %s in version %d", one.PartNumber, one.Price, one.Version, was.Price, was.Version)
		}
	}
}

func p64(p product) float64 { f, _ := p.Price.Float64(); return f }

func indexOf(all []product, part string) int {
	for i := range all {
		if all[i].PartNumber == part {
			return i
		}
	}
	return 0
}

// F3 in steps 1 and 2: whatever a process had done of taking a file when it died, the next
// one makes one batch of it.
func TestF3_AFileIsTakenAfterAnyBreak(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.unstarted()
	part := p.products("Active eq true")[0].PartNumber
	make := func(token string, files map[string]string) {
		t.Helper()
		dir := filepath.Join(r.dir, "work", ".in-"+token)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	about := func(name string) string { return `{"name":"` + name + `","connector":"folder","by":"root"}` }
	make("moved", map[string]string{"placed.json": about("prices-moved.csv"), "original": list(part + ",1")})
	make("copying", map[string]string{"placed.json": about("prices-copying.csv"), "original": list(part + ",2"), "content.part": "PartN"})
	make("copied", map[string]string{"placed.json": about("prices-copied.csv"), "original": list(part + ",3"), "content": list(part + ",3")})
	make("alone", map[string]string{"placed.json": about("prices-alone.csv"), "content": list(part + ",4")})
	make("empty", map[string]string{"placed.json": about("prices-empty.csv")})
	make("torn", map[string]string{"placed.json": `{"na`})
	kill := r.spawn()
	for id := range int64(4) {
		r.until(id+1, wire.Waiting)
	}
	kill()
	// And the folder of a batch that was written down, but not renamed.
	if err := os.Rename(filepath.Join(r.dir, "work", "1"), filepath.Join(r.dir, "work", ".in-"+r.token(1))); err != nil {
		t.Fatal(err)
	}
	r.spawn()
	testkit.Eventually(t, "its folder has its name", func() bool {
		_, err := os.Stat(filepath.Join(r.dir, "work", "1", "content"))
		return err == nil
	})
	page, err := r.api.Batches(t.Context(), r.idToken("maria"), 0, 20)
	if err != nil || len(page.Rows) != 4 {
		t.Errorf("%d batches, want 4: %v", len(page.Rows), err)
	}
}

// token names the folder of a batch before it has one.
func (r *robot) token(id int64) (token string) {
	r.t.Helper()
	if err := r.db.Reader().QueryRowContext(r.t.Context(), `SELECT token FROM batches WHERE id = $1`, id).Scan(&token); err != nil {
		r.t.Fatal(err)
	}
	return token
}

// A file that ends the agent each time it is read is not read for ever: after three deaths
// the batch cannot be used, and the agent goes on with others.
func TestF3_AFileThatKillsTheAgent(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.unstarted()
	kill := r.spawn()
	var rows []string
	for i := range 40_000 {
		rows = append(rows, fmt.Sprintf("X-%d,1", i))
	}
	r.put("prices.csv", list(rows...))
	for range 3 {
		testkit.Eventually(t, "the file is being read", func() bool {
			b, err := r.api.Batch(t.Context(), r.idToken("maria"), 1)
			if err == nil && b.Progress >= 40 {
				t.Fatal("the file was read before anybody could end the agent")
			}
			return err == nil && strings.Contains(b.JobNote, "rows read")
		})
		kill()
		if _, err := r.db.Writer().ExecContext(t.Context(), `UPDATE jobs SET note = ''`); err != nil {
			t.Fatal(err)
		}
		kill = r.spawn()
	}
	if b := r.until(1, wire.Unusable); !strings.Contains(b.Note, "has ended 3 times while it read the file") {
		t.Errorf("%s", b.Note)
	}
	r.put("prices-2.csv", list("X-1,1"))
	r.until(2, wire.Waiting, wire.Completed)
}
