package agent_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// sftpServer is a server with one account and one folder.
type sftpServer struct {
	t        *testing.T
	dir      string
	host     string
	port     int
	key      string // the host key, as people pin it
	password string
	// person is the public key that is let in beside the password.
	person ssh.PublicKey
	// asked is how often somebody has sent a password.
	asked atomic.Int64
}

func newSigner(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

func newSFTP(t *testing.T) *sftpServer {
	t.Helper()
	signer, _ := newSigner(t)
	s := &sftpServer{t: t, dir: t.TempDir(), password: "open sesame", key: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))}
	config := &ssh.ServerConfig{
		PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			s.asked.Add(1)
			if c.User() == "supplier" && string(password) == s.password {
				return nil, nil
			}
			return nil, errors.New("wrong password")
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if s.person != nil && string(key.Marshal()) == string(s.person.Marshal()) {
				return nil, nil
			}
			return nil, errors.New("unknown key")
		},
	}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host, port, _ := net.SplitHostPort(l.Addr().String())
	s.host = host
	s.port, _ = strconv.Atoi(port)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn, config)
		}
	}()
	return s
}

func (s *sftpServer) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for opened := range channels {
		channel, asked, err := opened.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range asked {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		server, err := sftp.NewServer(channel, sftp.ReadOnly(), sftp.WithServerWorkingDirectory(s.dir))
		if err != nil {
			return
		}
		if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

func (s *sftpServer) put(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	old := time.Now().Add(-time.Minute).Truncate(time.Second)
	if err := os.Chtimes(file, old, old); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sftpServer) connector(name string) wire.Connector {
	return wire.Connector{Name: name, Host: s.host, Port: s.port, User: "supplier", HostKey: s.host + " " + s.key, Password: s.password}
}

// Files are pulled once from a server whose key is pinned; one that shows another key is
// not given the password; secrets are never told, and go nowhere else.
func TestSFTP(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf()
	server, impostor := newSFTP(t), newSFTP(t)
	part := p.products("Active eq true")[0].PartNumber
	server.put("prices-1.csv", list(part+",1.23"))
	server.put("prices-2.csv.part", list(part+",9.99"))
	server.put("other.txt", "not for us")
	impostor.put("prices-evil.csv", list(part+",0.01"))

	if _, err := r.api.SaveConnector(t.Context(), r.idToken("anna"), server.connector("supplier")); tandem.ErrorCode(err) != tandem.CodeForbidden {
		t.Errorf("anna adds a connector: %v", err)
	}
	for name, change := range map[string]func(*wire.Connector){
		"the host key is missing":               func(c *wire.Connector) { c.HostKey = "" },
		"the host is a name or an address":      func(c *wire.Connector) { c.Host = "sftp://x" },
		"the port is a number":                  func(c *wire.Connector) { c.Port = 70000 },
		"the user is missing":                   func(c *wire.Connector) { c.User = "" },
		"enter the password or the private key": func(c *wire.Connector) { c.Password = "" },
		"the private key cannot be read":        func(c *wire.Connector) { c.Password, c.PrivateKey = "", "x" },
	} {
		c := server.connector("supplier")
		change(&c)
		if _, err := r.api.SaveConnector(t.Context(), r.idToken("ada"), c); tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The impostor answers in the place of the server: with the server's key pinned.
	wrong := impostor.connector("impostor")
	wrong.HostKey = server.key
	save := func(c wire.Connector) {
		t.Helper()
		if _, err := r.api.SaveConnector(t.Context(), r.idToken("ada"), c); err != nil {
			t.Fatal(err)
		}
	}
	save(wrong)
	connector := func(name string) (c wire.Connector) {
		t.Helper()
		all, err := r.api.Connectors(t.Context(), r.idToken("anna"))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.Name == name {
				c = one
			}
		}
		return c
	}
	testkit.Eventually(t, "the impostor is noticed", func() bool {
		return strings.Contains(connector("impostor").Problem, "is pinned: it has a new key, or somebody else answers")
	})
	if impostor.asked.Load() != 0 {
		t.Error("the password went to a server with another key")
	}
	if _, err := r.api.Batch(t.Context(), r.idToken("anna"), 1); tandem.ErrorCode(err) != tandem.CodeNotFound {
		t.Errorf("a file of the impostor: %v", err)
	}
	save(server.connector("supplier"))
	b := r.until(1, wire.Waiting)
	if b.Connector != "supplier" || b.PlacedBy != "supplier@127.0.0.1" || b.File != "prices-1.csv" {
		t.Errorf("%+v", b)
	}
	told := connector("supplier")
	if told.Password+told.PrivateKey != "" || !told.HasSecret || told.By != "ada" {
		t.Errorf("%+v", told)
	}
	// Who sends the connector to another host has to know the password.
	moved := server.connector("supplier")
	moved.Host, moved.Password = "localhost", ""
	if _, err := r.api.SaveConnector(t.Context(), r.idToken("ada"), moved); tandem.ErrorCode(err) != tandem.CodeInvalid {
		t.Errorf("a secret goes to another host: %v", err)
	}
	// By a key, too; a new file comes, those of before do not.
	signer, private := newSigner(t)
	server.person = signer.PublicKey()
	byKey := server.connector("supplier")
	byKey.Password, byKey.PrivateKey = "", private
	save(byKey)
	server.put("prices-3.csv", list(part+",3.21"))
	r.until(2, wire.Waiting)
	time.Sleep(time.Second)
	page, err := r.api.Batches(t.Context(), r.idToken("anna"), 0, 10)
	if err != nil || len(page.Rows) != 2 {
		t.Errorf("%d batches, want 2: %v", len(page.Rows), err)
	}
	if err := r.api.RemoveConnector(t.Context(), r.idToken("ada"), "impostor"); err != nil {
		t.Fatal(err)
	}
	changes, err := r.api.Changes(t.Context(), r.idToken("anna"))
	if err != nil || len(changes) < 4 || changes[0].By != "ada" || changes[0].What != "connector impostor: removed" {
		t.Errorf("%+v %v", changes, err)
	}
	// The secret is sealed in the store.
	var secret []byte
	if err := r.db.Reader().QueryRowContext(t.Context(), `SELECT secret FROM connectors WHERE name = 'supplier'`).Scan(&secret); err != nil || strings.Contains(string(secret), "PRIVATE KEY") {
		t.Errorf("the secret is kept as it is: %v", err)
	}
}

// A folder that has been filling up for years still gives its newest file, and it is told
// that not all of it is looked at.
func TestSFTPOfManyFiles(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf()
	server := newSFTP(t)
	long := time.Now().AddDate(-1, 0, 0)
	for i := range 10_001 {
		file := filepath.Join(server.dir, fmt.Sprintf("note-%05d.txt", i))
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, long, long); err != nil {
			t.Fatal(err)
		}
	}
	server.put("prices-new.csv", list(p.products("Active eq true")[0].PartNumber+",1.23"))
	if _, err := r.api.SaveConnector(t.Context(), r.idToken("ada"), server.connector("supplier")); err != nil {
		t.Fatal(err)
	}
	if b := r.until(1, wire.Waiting); b.File != "prices-new.csv" {
		t.Errorf("%+v", b)
	}
	testkit.Eventually(t, "it is told that there are more", func() bool {
		all, err := r.api.Connectors(t.Context(), r.idToken("ada"))
		return err == nil && slices.ContainsFunc(all, func(c wire.Connector) bool {
			return c.Name == "supplier" && strings.Contains(c.Problem, "the folder has 10002 names")
		})
	})
}
