package fieldtest

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
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

// Process makes the store of such a cloud, on an engine.
func (p *Place) Process(engine sqldb.Engine) *Process {
	p.T.Helper()
	dir, db := p.T.TempDir(), p.Store(engine)
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
	c.PID, kill = p.spawn(&p.handler, "FIELD_TEST_ISSUER="+p.Issuer, "FIELD_TEST_DIR="+c.Dir, "FIELD_TEST_DB="+c.DB.URL(), "FIELD_TEST_SECRET="+p.Secret,
		"FIELD_TEST_RESOURCE="+p.Resource())
	return kill
}

// ReplicaProcess starts another process of the instance, on its database, and gives its end by kill -9.
// What is to go to it is served by the handler, which is nil while there is none. The test's
// program has to be one that is [RunERP] when FIELD_TEST_ERP is set.
func (p *Place) ReplicaProcess(handler *atomic.Pointer[http.Handler]) (kill func()) {
	p.T.Helper()
	db, key := p.Stored()
	_, kill = p.spawn(handler, "FIELD_TEST_ERP="+db, "FIELD_TEST_KEY="+key, "FIELD_TEST_URL="+p.Instance.URL)
	return kill
}

// RunERP is a replica of the instance until ctx ends.
func RunERP(ctx context.Context) error {
	in, err := platform.NewInstance(ctx, platform.InstanceConfig{
		StoreConfig: platform.StoreConfig{DB: os.Getenv("FIELD_TEST_ERP"), KeyFile: os.Getenv("FIELD_TEST_KEY"), By: tandemtest.By, Log: slog.New(slog.DiscardHandler)},
		URL:         os.Getenv("FIELD_TEST_URL"), Version: "test",
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	return platform.Serve(ctx, in, platform.ServeOptions{Listener: l, Log: slog.New(slog.DiscardHandler)})
}

// spawn starts the test's own program as another one, which says where it listens, and has a
// handler lead to it until it is killed.
func (p *Place) spawn(handler *atomic.Pointer[http.Handler], env ...string) (pid int, kill func()) {
	p.T.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.T.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		handler.Store(nil)
		_, _ = cmd.Process.Kill(), cmd.Wait()
	})
	p.T.Cleanup(kill)
	text, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.T.Fatalf("the process does not start: %v", err)
	}
	to, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		p.T.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	h := http.Handler(proxy)
	handler.Store(&h)
	return cmd.Process.Pid, kill
}
