package tus_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/internal/testkit"
)

// cut sends a part of a body by a connection of its own, which then ends.
func (p *place) cut(who, at string, offset int64, part []byte, says int, headers ...string) {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	lines := append([]string{"PATCH " + at + " HTTP/1.1", "Host: field", "Tus-Resumable: " + tus.Version, whoHeader + ": " + who, fmt.Sprintf("Upload-Offset: %d", offset),
		"Content-Type: application/offset+octet-stream", fmt.Sprintf("Content-Length: %d", says)}, headers...)
	if _, err := conn.Write(append([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), part...)); err != nil {
		p.t.Fatal(err)
	}
	p.waitFor(at, offset+int64(len(part)))
}

// waitFor waits until the server has written what it was sent.
func (p *place) waitFor(at string, size int64) {
	p.t.Helper()
	testkit.Eventually(p.t, "the part is written", func() bool {
		info, err := os.Stat(filepath.Join(p.dir, at[strings.LastIndex(at, "/")+1:]+".part"))
		return err == nil && info.Size() >= size
	})
}

// until waits for an offset.
func (p *place) until(who, at string, offset int64) {
	p.t.Helper()
	testkit.Eventually(p.t, fmt.Sprintf("the upload is at %d", offset), func() bool { return p.head(who, at).offset() == offset })
}

// size is that of all parts.
func (p *place) size() (n int64) {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}
