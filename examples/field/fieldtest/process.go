package fieldtest

import (
	"bufio"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// Process is a cloud that is a process of its own, and can be killed. The test's program
// has to be one that is a cloud when FIELD_TEST_ISSUER is set.
type Process struct {
	place *Place
	// DB is its store, Dir its folder.
	DB  *sqldb.DB
	Dir string
	// PID is its process, once it was started.
	PID int
}

// Process makes the store of such a cloud.
func (p *Place) Process() *Process {
	p.T.Helper()
	dir := p.T.TempDir()
	db, err := sqldb.Open(p.T.Context(), "sqlite:"+filepath.Join(dir, "field.db"), sqldb.Options{})
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { db.Close() })
	if err := os.Mkdir(filepath.Join(dir, "jobs"), 0o700); err != nil {
		p.T.Fatal(err)
	}
	workerdb.Fill(p.T, db.URL(), filepath.Join(dir, "jobs"))
	return &Process{place: p, DB: db, Dir: dir}
}

// Start starts the cloud and gives its end by kill -9.
func (c *Process) Start() (kill func()) {
	p := c.place
	p.T.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FIELD_TEST_ISSUER="+p.Issuer, "FIELD_TEST_DIR="+c.Dir, "FIELD_TEST_DB="+c.DB.URL(), "FIELD_TEST_SECRET="+p.Secret,
		"FIELD_TEST_RESOURCE="+p.Resource())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.T.Fatal(err)
	}
	c.PID = cmd.Process.Pid
	kill = sync.OnceFunc(func() {
		p.handler.Store(nil)
		_, _ = cmd.Process.Kill(), cmd.Wait()
	})
	p.T.Cleanup(kill)
	text, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.T.Fatalf("the cloud does not start: %v", err)
	}
	to, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		p.T.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	h := http.Handler(proxy)
	p.handler.Store(&h)
	return kill
}
