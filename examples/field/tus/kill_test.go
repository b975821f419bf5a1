package tus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
)

// serverVariable makes the program of these tests a server of uploads: folder, address of
// the database, and where it listens.
const serverVariable = "TUS_TEST_SERVER"

func TestMain(m *testing.M) {
	if setting := os.Getenv(serverVariable); setting != "" {
		if err := serve(strings.Split(setting, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serve(setting []string) error {
	dir, database, listen := setting[0], setting[1], setting[2]
	db, err := sqldb.Open(context.Background(), database, sqldb.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := tus.New(context.Background(), tus.Config{Dir: dir, DB: db, Prefix: prefix, Owner: owner, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(prefix, s)
	mux.Handle(prefix+"/", s)
	mux.HandleFunc("GET /whole", func(w http.ResponseWriter, r *http.Request) {
		f, _, err := s.Open(r.Context(), r.Header.Get(whoHeader), r.URL.Query().Get("key"))
		if err != nil {
			http.Error(w, err.Error(), 404)
			return
		}
		defer f.Close()
		_, _ = io.Copy(w, f)
	})
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	return http.Serve(l, mux)
}

// process is a server that can be killed, always at the same address.
type process struct {
	*place
	setting string
	cmd     *exec.Cmd
	kills   int
}

func newProcess(t testing.TB, engine sqldb.Engine) *process {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	dir := filepath.Join(t.TempDir(), "parts")
	p := &process{place: &place{t: t, url: "http://" + address, dir: dir, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}}
	p.setting = dir + "|" + testdb.URL(t, engine) + "|" + address
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serverVariable+"="+p.setting)
	p.cmd.Stderr = p.t.Output()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	testkit.Eventually(p.t, "the server answers", func() bool {
		_, err := p.try("", "OPTIONS", prefix, nil)
		return err == nil
	})
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.kills++
}

// F3, F7: the server is killed again and again in the middle of a file. The offset is never
// more than what is on the disk, what was told is never taken back, and the file arrives as
// it is.
func TestF3_KilledInTheMiddleOfAFile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newProcess(t, engine)
		f := newFile("0192-kill", 6<<20)
		at := p.created("tom", f)
		told := int64(0)
		for range 3 {
			// A body that nobody ends: the server is killed while it comes.
			body, write := io.Pipe()
			gone := make(chan error, 1)
			go func() {
				_, err := p.try("tom", "PATCH", at, body, fmt.Sprintf("Upload-Offset: %d", told), "Content-Type: application/offset+octet-stream")
				body.CloseWithError(io.ErrClosedPipe)
				gone <- err
			}()
			if n, err := write.Write(f.bytes[told : told+1500<<10]); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Fatal(n, err)
			}
			p.waitFor(at, told+1400<<10)
			p.kill()
			write.CloseWithError(io.ErrClosedPipe)
			if err := <-gone; err == nil {
				t.Error("the server was killed, and has answered")
			}
			p.start()
			now := p.head("tom", at).offset()
			if now < told || now > told+1500<<10 {
				t.Fatalf("the offset was %d and is %d", told, now)
			}
			t.Logf("killed at about %d, goes on at %d", told+1500<<10, now)
			told = now
		}
		if told < 2<<20 {
			t.Errorf("of three bodies of 1.5 MB %d bytes were kept", told)
		}
		// The answer to the last piece is lost, too.
		p.patch("tom", at, told, f.bytes[told:5<<20]).is(t, "a piece", 204, 5<<20)
		p.kill()
		p.start()
		p.head("tom", at).is(t, "what was told", 200, 5<<20)
		p.patch("tom", at, 5<<20, f.bytes[5<<20:]).is(t, "the end", 204, 6<<20)
		p.kill()
		p.start()
		p.create("tom", f).is(t, "created again at the end", 200, 6<<20)
		if a := p.ask("tom", "GET", "/whole?key="+f.key, nil); !bytes.Equal([]byte(a.body), f.bytes) {
			t.Errorf("it is another file, of %d bytes", len(a.body))
		}
	})
}

// What was written and never noted is cut off: here the machine has kept more than it said.
func TestF3_WhatWasNeverNotedIsCutOff(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	f := newFile("0192-n", 10_000)
	at := p.created("tom", f)
	p.patch("tom", at, 0, f.bytes[:4000]).is(t, "a piece", 204, 4000)
	name := filepath.Join(p.dir, at[strings.LastIndex(at, "/")+1:]+".part")
	part, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 3000)); err != nil {
		t.Fatal(err)
	}
	part.Close()
	p.head("tom", at).is(t, "HEAD", 200, 4000)
	p.patch("tom", at, 4000, f.bytes[4000:5000]).is(t, "another", 204, 5000)
	// And a disk that has less than was noted: its offset is the truth.
	if err := os.Truncate(name, 1000); err != nil {
		t.Fatal(err)
	}
	p.head("tom", at).is(t, "HEAD of less", 200, 1000)
	p.patch("tom", at, 1000, f.bytes[1000:]).is(t, "the rest", 204, 10_000)
	if !bytes.Equal(p.whole("tom", f.key), f.bytes) {
		t.Error("it is another file")
	}
}

// Another process that shares folder and database is refused while one writes.
func TestTwoProcessesOneWriter(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	other, err := tus.New(t.Context(), tus.Config{Dir: p.dir, DB: p.db, Prefix: prefix, Owner: owner, Clock: p.clock})
	if err != nil {
		t.Fatal(err)
	}
	f := newFile("0192-o", 10_000)
	at := p.created("tom", f)
	body, write := io.Pipe()
	first := make(chan answer, 1)
	go func() {
		a, _ := p.try("tom", "PATCH", at, body, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
		first <- a
	}()
	if _, err := write.Write(f.bytes[:5000]); err != nil {
		t.Fatal(err)
	}
	p.waitFor(at, 5000)
	q := &place{t: t, Server: other, dir: p.dir, client: p.client, url: serverOf(t, other)}
	q.patch("tom", at, 0, f.bytes).is(t, "the other process", 423, -1)
	if _, err := write.Write(f.bytes[5000:]); err != nil {
		t.Fatal(err)
	}
	write.Close()
	(<-first).is(t, "the first", 204, 10_000)
}
