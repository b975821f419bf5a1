package tus_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// A body of unknown length that is cut behind its last byte is all there: it is finished,
// and nobody has to ask.
func TestF7_CutBehindTheLastByte(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	f := newFile("0192-end", 2000)
	at := p.created("tom", f)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "PATCH " + at + " HTTP/1.1\r\nHost: field\r\nTus-Resumable: " + tus.Version + "\r\n" + whoHeader +
		": tom\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	if _, err := fmt.Fprintf(conn, "%s%x\r\n%s\r\n", head, len(f.bytes), f.bytes); err != nil {
		t.Fatal(err)
	}
	p.waitFor(at, 2000)
	conn.Close()
	testkit.Eventually(t, "the upload is finished", func() bool { return p.told() == "tom 0192-end" })
	if !bytes.Equal(p.whole("tom", f.key), f.bytes) {
		t.Error("it is another file")
	}
}

// An upload that was left open at its length is finished by whoever asks how it stands,
// and begins again where it is not what it was to be.
func TestOpenAtItsLength(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newPlace(t, engine)
		left := func(f file, last byte) string {
			at := p.created("tom", f)
			n := len(f.bytes) - 1
			p.patch("tom", at, 0, f.bytes[:n]).is(t, "all but a byte", 204, int64(n))
			part, err := os.OpenFile(filepath.Join(p.dir, at[strings.LastIndex(at, "/")+1:]+".part"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer part.Close()
			if _, err := part.WriteAt([]byte{last}, int64(n)); err != nil {
				t.Fatal(err)
			}
			if _, err := p.db.Writer().ExecContext(t.Context(), `UPDATE tus_uploads SET noted = length WHERE upload_key = $1`, f.key); err != nil {
				t.Fatal(err)
			}
			return at
		}
		asked, again, other := newFile("asked", 1000), newFile("again", 1000), newFile("other", 1000)
		p.head("tom", left(asked, asked.bytes[999])).is(t, "HEAD", 200, 1000)
		left(again, again.bytes[999])
		p.create("tom", again).is(t, "creation", 200, 1000)
		p.head("tom", left(other, other.bytes[999]+1)).is(t, "HEAD of another file", 200, 0)
		if p.told() != "tom asked,tom again" {
			t.Errorf("told: %s", p.told())
		}
		if !bytes.Equal(p.whole("tom", "asked"), asked.bytes) {
			t.Error("it is another file")
		}
	})
}
