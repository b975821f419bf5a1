package agent

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
)

// Files are pulled from SFTP servers whose one host key somebody has pinned: nobody who
// answers in its place is given the password. The agent only reads there; what it has
// fetched it remembers, by name, size and time.

const (
	// dialWithin bounds the connection, pullWithin all of a look at one server.
	dialWithin, pullWithin = 15 * time.Second, 10 * time.Minute
	// maxListed is how many names of a folder are looked at, the newest.
	maxListed = 10_000
)

// pull looks at the servers, one after the other. What is wrong with one is told with
// it, and keeps no other.
func (a *Agent) pull(ctx context.Context) {
	all, err := a.store.connectors(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("the connectors cannot be read", "error", err)
		}
		return
	}
	for i := range all {
		c := &all[i]
		if c.Host == "" || c.Paused {
			continue
		}
		problem := ""
		if err := a.pullFrom(ctx, c); err != nil {
			if ctx.Err() != nil {
				return
			}
			problem = tandem.Clip(err.Error(), 300)
			a.log.Warn("a connector does not work", "connector", c.Name, "error", err)
		}
		if err := a.store.looked(ctx, c.Name, a.clock.Now(), problem); err != nil && ctx.Err() == nil {
			a.log.Warn("it is not noted that a connector was looked at", "connector", c.Name, "error", err)
		}
	}
}

func (a *Agent) pullFrom(ctx context.Context, c *connectorRow) error {
	ctx, cancel := context.WithTimeout(ctx, pullWithin)
	defer cancel()
	conn, err := a.dial(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	server, err := sftp.NewClient(conn)
	if err != nil {
		return fmt.Errorf("the server has no SFTP: %w", err)
	}
	defer func() {
		_ = conn.Close() // a server that does not close its end is not waited for
		_ = server.Close()
	}()
	dir := cmp.Or(c.Dir, ".")
	entries, err := server.ReadDirContext(ctx, dir)
	if err != nil {
		return fmt.Errorf("the folder %s of the server: %w", dir, err)
	}
	slices.SortFunc(entries, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	var faults []error
	if more := len(entries) - maxListed; more > 0 {
		faults = append(faults, fmt.Errorf("the folder has %d names, of which the newest %d are looked at: have old ones moved elsewhere",
			len(entries), maxListed))
		entries = entries[more:]
	}
	for _, entry := range entries {
		if !entry.Mode().IsRegular() || ignored(entry.Name()) || strings.ContainsAny(entry.Name(), `/\`) {
			continue
		}
		if err := a.fetch(ctx, c, server, dir, entry); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", tandem.Clip(entry.Name(), 80), err))
		}
	}
	return errors.Join(faults...)
}

// fetch takes a file that has stood still and was not fetched before.
func (a *Agent) fetch(ctx context.Context, c *connectorRow, server *sftp.Client, dir string, entry os.FileInfo) error {
	name := entry.Name()
	known, err := a.store.wasFetched(ctx, c.Name, name, entry.Size(), entry.ModTime())
	if err != nil || known {
		return err
	}
	if a.clock.Now().Sub(entry.ModTime()) < a.config.Still {
		return nil // it may be on its way still
	}
	if entry.Size() > wire.MaxFile {
		return wrong("it has %d MB, and %d at most are taken", entry.Size()>>20, wire.MaxFile>>20)
	}
	if _, _, err := a.mappingOf(ctx, name); tandem.ErrorCode(err) == tandem.CodeNotFound {
		return nil // not for us
	}
	in, err := server.Open(path.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	own, err := a.newFolder(placed{Name: name, Connector: c.Name, By: c.User + "@" + c.Host})
	if err != nil {
		return err
	}
	if err := a.download(own, in, entry.Size()); err != nil {
		return errors.Join(err, os.RemoveAll(own))
	}
	after, err := server.Stat(path.Join(dir, name))
	if err != nil || after.Size() != entry.Size() || !after.ModTime().Equal(entry.ModTime()) {
		return errors.Join(err, os.RemoveAll(own)) // it was changed meanwhile: with the next look
	}
	if err := os.Rename(filepath.Join(own, original+".part"), filepath.Join(own, original)); err != nil {
		return err
	}
	if err := a.receive(ctx, own); err != nil {
		return err
	}
	return a.store.noteFetched(ctx, c.Name, name, entry.Size(), entry.ModTime())
}

func (a *Agent) download(dir string, in io.Reader, size int64) error {
	out, err := os.OpenFile(filepath.Join(dir, original+".part"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, wire.MaxFile+1))
	if err = errors.Join(err, out.Close()); err == nil && n != size {
		err = wrong("%d bytes came, and the server said %d", n, size)
	}
	return err
}

// dial connects to the server, if it has the key that is pinned.
func (a *Agent) dial(ctx context.Context, c *connectorRow) (*ssh.Client, error) {
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(c.HostKey))
	if err != nil {
		return nil, wrong("the pinned host key cannot be read: %v", err)
	}
	auth, err := a.auth(c)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(c.Host, strconv.Itoa(cmp.Or(c.Port, 22)))
	dialer := net.Dialer{Timeout: dialWithin}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	// The handshake has its time, too: the connection is cut when it is over.
	late := time.AfterFunc(dialWithin, func() { _ = conn.Close() })
	defer late.Stop()
	under, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: c.User, Auth: []ssh.AuthMethod{auth}, Timeout: dialWithin, HostKeyAlgorithms: algorithmsOf(pinned),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if bytes.Equal(key.Marshal(), pinned.Marshal()) {
				return nil
			}
			return fmt.Errorf("the server shows the key %s, and %s is pinned: it has a new key, or somebody else answers in its place",
				ssh.FingerprintSHA256(key), ssh.FingerprintSHA256(pinned))
		},
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return ssh.NewClient(under, channels, requests), nil
}

// algorithmsOf are those by which a server proves the kind of key that is pinned: one
// with several keys shows that one.
func algorithmsOf(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}

// The secret of a connector says in its first byte what it is.
const secretPassword, secretKey = 'p', 'k'

func (a *Agent) auth(c *connectorRow) (ssh.AuthMethod, error) {
	secret, err := a.config.Box.Open(c.secret, secretPlace(c.Name))
	if err != nil || len(secret) < 2 {
		return nil, wrong("the connector's password or key cannot be read; enter it again")
	}
	if secret[0] == secretPassword {
		return ssh.Password(string(secret[1:])), nil
	}
	signer, err := ssh.ParsePrivateKey(secret[1:])
	if err != nil {
		return nil, wrong("the connector's private key cannot be read; enter it again")
	}
	return ssh.PublicKeys(signer), nil
}

// secretPlace binds a sealed secret to its connector.
func secretPlace(name string) string { return "prices connector|" + name }

// saveConnector checks and keeps a connector for a person.
func (a *Agent) saveConnector(ctx context.Context, p *person, c wire.Connector) error {
	if err := a.mustEdit(p); err != nil {
		return err
	}
	key, err := checkConnector(&c)
	if err != nil {
		return err
	}
	row := connectorRow{Connector: c}
	all, err := a.store.connectors(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		// Who changes where a secret goes to has to know it.
		if old := &all[i]; old.Name == c.Name && old.Host == c.Host && old.HostKey == key && old.User == c.User {
			row.secret = old.secret
		}
	}
	row.By, row.HostKey = p.Login, key
	switch {
	case c.Password != "":
		row.secret = a.config.Box.Seal(append([]byte{secretPassword}, c.Password...), secretPlace(c.Name))
	case c.PrivateKey != "":
		if _, err := ssh.ParsePrivateKey([]byte(c.PrivateKey)); err != nil {
			return wrong("the private key cannot be read: paste it in OpenSSH or PEM form, without a passphrase")
		}
		row.secret = a.config.Box.Seal(append([]byte{secretKey}, c.PrivateKey...), secretPlace(c.Name))
	}
	if len(row.secret) == 0 {
		return wrong("enter the password or the private key: it is needed for a new connector, and when host, user or host key change")
	}
	return a.store.saveConnector(ctx, row, a.clock.Now())
}

// checkConnector checks what was entered, and gives the host key in its one form.
func checkConnector(c *wire.Connector) (key string, err error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, wrong(format, args...)) }
	if c.Name == "" || len(c.Name) > 40 || c.Name == folderConnector || tandem.HasControl(c.Name) || strings.ContainsAny(c.Name, `/\`) {
		fault("name the connector, in 40 characters at most; %q is the watched folder", folderConnector)
	}
	if c.Host == "" || len(c.Host) > 253 || strings.ContainsAny(c.Host, " /@\\") || tandem.HasControl(c.Host) {
		fault("the host is a name or an address, without sftp:// before it")
	}
	if c.Port < 0 || c.Port > 65535 {
		fault("the port is a number up to 65535; leave it empty for 22")
	}
	if c.User == "" || len(c.User) > 64 || tandem.HasControl(c.User) {
		fault("the user is missing")
	}
	if len(c.Dir) > 500 || tandem.HasControl(c.Dir) {
		fault("the folder is a path on the server")
	}
	// ssh-keyscan writes the host before the key.
	fields := strings.Fields(c.HostKey)
	if len(fields) > 2 && !strings.HasPrefix(fields[0], "ssh-") && !strings.HasPrefix(fields[0], "ecdsa-") {
		fields = fields[1:]
	}
	parsed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.Join(fields, " ")))
	if err != nil {
		fault("the host key is missing: it is what ssh-keyscan -t ed25519 HOST prints, and the server's owner has to say that it is theirs")
		return "", allOf(faults...)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(parsed))), allOf(faults...)
}
