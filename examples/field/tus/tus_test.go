package tus_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// A file comes in pieces, is compared, and taken away.
func TestB_AFileComesInPieces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newPlace(t, engine)
		f := newFile("0192-a", 300<<10)
		a := p.create("tom", f)
		a.is(t, "creation", 201, 0)
		at := a.header.Get("Location")
		if !strings.HasPrefix(at, prefix+"/") || a.header.Get("Upload-Expires") != "Sun, 06 Dec 2026 10:00:00 GMT" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", a.header)
		}
		if len(p.parts()) != 0 {
			t.Error("a creation alone makes a file")
		}
		p.patch("tom", at, 0, f.bytes[:100<<10]).is(t, "first piece", 204, 100<<10)
		a = p.head("tom", at)
		a.is(t, "HEAD", 200, 100<<10)
		if a.header.Get("Upload-Length") != "307200" || "Upload-Metadata: "+a.header.Get("Upload-Metadata") != f.metadata() {
			t.Errorf("HEAD: %v", a.header)
		}
		for name, mode := range p.parts() {
			if mode.Perm() != 0o600 {
				t.Errorf("%s has the mode %v", name, mode)
			}
		}
		if _, _, err := p.Open(t.Context(), "tom", f.key); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("open before its end: %v", err)
		}
		p.patch("tom", at, 99<<10, f.bytes[99<<10:]).is(t, "at another offset", 409, 100<<10)
		p.patch("tom", at, 100<<10, nil).is(t, "nothing", 204, 100<<10)
		p.patch("tom", at, 100<<10, append(f.bytes[100<<10:], 1)).is(t, "too long", 413, -1)
		p.ask("tom", "PATCH", at, io.MultiReader(bytes.NewReader(f.bytes[100<<10:]), strings.NewReader("x")), "Upload-Offset: 102400", "Content-Type: application/offset+octet-stream").
			is(t, "too long, and nobody said how long", 413, -1)
		p.head("tom", at).is(t, "HEAD after what was too long", 200, 100<<10)
		a = p.ask("tom", "POST", at, bytes.NewReader(f.bytes[100<<10:]), "X-HTTP-Method-Override: PATCH", "Upload-Offset: 102400", "Content-Type: application/offset+octet-stream")
		a.is(t, "last piece", 204, 300<<10)
		if a.header.Get("Upload-Expires") != "" || p.told() != "tom 0192-a" || !bytes.Equal(p.whole("tom", f.key), f.bytes) {
			t.Errorf("%v, told %s", a.header, p.told())
		}
		p.patch("tom", at, 300<<10, nil).is(t, "the end again", 204, 300<<10)
		if err := p.Remove(t.Context(), "tom", f.key); err != nil {
			t.Fatal(err)
		}
		if len(p.parts()) != 0 {
			t.Errorf("stays: %v", p.parts())
		}
		// Whoever was not told asks again, and is.
		p.head("tom", at).is(t, "HEAD of what was taken", 200, 300<<10)
		p.create("tom", f).is(t, "creation of what was taken", 200, 300<<10)
		if _, _, err := p.Open(t.Context(), "tom", f.key); tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Errorf("open after it was taken: %v", err)
		}
		p.ask("tom", "DELETE", at, nil).is(t, "DELETE of what was taken", 204, -1)
		p.create("tom", f).is(t, "creation of what was taken and deleted", 200, 300<<10)
	})
}

// F6: the same person and key get the same upload, at the offset where it is.
func TestF6_TheSameKeyIsTheSameUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newPlace(t, engine)
		f := newFile("0192-b", 5000)
		at := p.created("tom", f)
		p.patch("tom", at, 0, f.bytes[:2000]).is(t, "a piece", 204, 2000)
		a := p.create("tom", f)
		a.is(t, "creation again", 200, 2000) // and so resuming is one request, the PATCH
		if a.header.Get("Location") != at {
			t.Errorf("%s is not %s", a.header.Get("Location"), at)
		}
		if other := p.created("nina", f); other == at {
			t.Error("another person gets the upload")
		}
		for what, g := range map[string]file{"length": newFile("0192-b", 5001), "visit": {key: f.key, visit: "visit 2", bytes: f.bytes}, "sum": {key: f.key, visit: f.visit, bytes: make([]byte, 5000)}} {
			if a := p.create("tom", g); a.status != 422 || !strings.Contains(a.body, `"key_reused"`) {
				t.Errorf("the same key with another %s: %d %s", what, a.status, a.body)
			}
		}
		// Twenty at once, as of a client that does not wait.
		g := newFile("0192-c", 100)
		got := make(chan string, 20)
		for range 20 {
			go func() {
				a, err := p.try("tom", "POST", prefix, nil, "Upload-Length: 100", g.metadata())
				if err != nil || a.status/100 != 2 {
					t.Errorf("%d %s %v", a.status, a.body, err)
				}
				got <- a.header.Get("Location")
			}()
		}
		first := <-got
		for range 19 {
			if again := <-got; again != first {
				t.Errorf("%s and %s", first, again)
			}
		}
	})
}

// Security: an upload is its owner's alone, by whatever verb.
func TestB_AnothersUploadIsNotThere(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	f := newFile("0192-d", 1000)
	at := p.created("tom", f)
	p.head("nina", at).is(t, "HEAD", 404, -1)
	p.patch("nina", at, 0, f.bytes).is(t, "PATCH", 404, -1)
	p.ask("nina", "DELETE", at, nil).is(t, "DELETE", 404, -1)
	if _, err := p.Find(t.Context(), "nina", f.key); tandem.ErrorCode(err) != tandem.CodeNotFound {
		t.Errorf("found: %v", err)
	}
	p.ask("", "HEAD", at, nil).is(t, "nobody", 401, -1)
	for _, path := range []string{"/..", "/../x", "/%2e%2e%2fx", "/" + strings.Repeat("a", 5000), "/' OR 1=1", "x", "/a/b"} {
		if a, err := p.try("tom", "HEAD", prefix+strings.ReplaceAll(path, " ", "%20"), nil); err == nil && a.status != 404 && a.status != 301 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	p.head("tom", at).is(t, "the owner", 200, 0)
}

// What the protocol says of headers.
func TestProtocol(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	f := newFile("0192-e", 1000)
	a := p.ask("", "OPTIONS", prefix, nil, "Tus-Resumable: ")
	if a.status != 204 || a.header.Get("Tus-Extension") != "creation,termination,expiration,checksum" || a.header.Get("Tus-Version") != "1.0.0" ||
		a.header.Get("Tus-Max-Size") != "15728640" || !strings.Contains(a.header.Get("Tus-Checksum-Algorithm"), "sha1") {
		t.Errorf("OPTIONS: %d %v", a.status, a.header)
	}
	for what, c := range map[string]struct {
		status  int
		headers []string
	}{
		"no version":          {412, []string{"Tus-Resumable: ", "Upload-Length: 1000", f.metadata()}},
		"another version":     {412, []string{"Tus-Resumable: 0.2.2", "Upload-Length: 1000", f.metadata()}},
		"no length":           {400, []string{f.metadata()}},
		"a negative length":   {400, []string{"Upload-Length: -1", f.metadata()}},
		"a huge length":       {400, []string{"Upload-Length: 99999999999999999999", f.metadata()}},
		"a length deferred":   {400, []string{"Upload-Defer-Length: 1", f.metadata()}},
		"nothing":             {400, []string{"Upload-Length: 0", f.metadata()}},
		"too large":           {413, []string{"Upload-Length: 15728641", f.metadata()}},
		"no metadata":         {400, []string{"Upload-Length: 1000"}},
		"no key":              {400, []string{"Upload-Length: 1000", "Upload-Metadata: sha256 " + b64(f.sum())}},
		"no sum":              {400, []string{"Upload-Length: 1000", "Upload-Metadata: key " + b64("x")}},
		"a key with a path":   {201, []string{"Upload-Length: 1000", "Upload-Metadata: key " + b64("../../etc/passwd") + ",sha256 " + b64(f.sum())}},
		"too much metadata":   {400, []string{"Upload-Length: 1000", f.metadata() + ",more " + b64(strings.Repeat("x", 4000))}},
		"metadata not Base64": {400, []string{"Upload-Length: 1000", "Upload-Metadata: key ***"}},
	} {
		if a := p.ask("tom", "POST", prefix, nil, c.headers...); a.status != c.status || a.header.Get("Tus-Resumable") != "1.0.0" {
			t.Errorf("%s: %d %s %v", what, a.status, a.body, a.header)
		}
	}
	at := p.created("tom", f)
	for what, c := range map[string]struct {
		status  int
		headers []string
	}{
		"another type":         {415, []string{"Upload-Offset: 0", "Content-Type: image/jpeg"}},
		"no offset":            {400, []string{"Content-Type: application/offset+octet-stream"}},
		"an unknown algorithm": {400, []string{"Upload-Offset: 0", "Content-Type: application/offset+octet-stream", "Upload-Checksum: crc32 AAAA"}},
		"half a sum":           {400, []string{"Upload-Offset: 0", "Content-Type: application/offset+octet-stream", "Upload-Checksum: sha256 AAAA"}},
	} {
		p.ask("tom", "PATCH", at, bytes.NewReader(f.bytes), c.headers...).is(t, what, c.status, -1)
	}
	p.ask("tom", "PUT", at, nil).is(t, "PUT", 405, -1)
	p.ask("tom", "GET", prefix, nil).is(t, "GET", 405, -1)
	p.head("tom", at).is(t, "after all that", 200, 0)
}

// The extension checksum: of one body, and ours of the whole.
func TestChecksum(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	f := newFile("0192-f", 3000)
	at := p.created("tom", f)
	one, two := sha1.Sum(f.bytes[:1000]), sha256.Sum256(f.bytes[1000:2000])
	in64 := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	p.patch("tom", at, 0, f.bytes[1:1001], "Upload-Checksum: sha1 "+in64(one[:])).is(t, "other bytes", 460, -1)
	p.head("tom", at).is(t, "nothing was kept", 200, 0)
	p.patch("tom", at, 0, f.bytes[:1000], "Upload-Checksum: sha1 "+in64(one[:])).is(t, "sha1", 204, 1000)
	p.patch("tom", at, 1000, f.bytes[1000:2000], "Upload-Checksum: sha256 "+in64(two[:])).is(t, "sha256", 204, 2000)
	p.cut("tom", at, 2000, f.bytes[2000:2500], 1000, "Upload-Checksum: sha256 "+in64(two[:]))
	p.until("tom", at, 2000)
	// The whole differs: it begins again, twice, and then is gone.
	for try := range 3 {
		p.patch("tom", at, map[bool]int64{true: 2000, false: 0}[try == 0], bytes.Repeat([]byte{7}, map[bool]int{true: 1000, false: 3000}[try == 0])).is(t, "the whole differs", 460, -1)
		p.head("tom", at).is(t, "afterwards", map[bool]int{true: 404, false: 200}[try == 2], map[bool]int64{true: -1, false: 0}[try == 2])
	}
	if len(p.parts()) != 0 || p.told() != "" {
		t.Errorf("%v %s", p.parts(), p.told())
	}
	at = p.created("tom", f)
	p.patch("tom", at, 0, f.bytes).is(t, "made anew", 204, 3000)
}

// The extensions termination and expiration.
func TestEndOfUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newPlace(t, engine)
		f, g, h := newFile("0192-g", 1000), newFile("0192-h", 1000), newFile("0192-i", 1000)
		at := p.created("tom", f)
		p.patch("tom", at, 0, f.bytes[:10])
		p.ask("tom", "DELETE", at, nil).is(t, "DELETE", 204, -1)
		p.head("tom", at).is(t, "after DELETE", 404, -1)
		p.patch("tom", at, 10, f.bytes[10:]).is(t, "PATCH after DELETE", 404, -1)
		if len(p.parts()) != 0 {
			t.Errorf("stays: %v", p.parts())
		}
		old, whole := p.created("tom", g), p.created("tom", h)
		p.patch("tom", old, 0, g.bytes[:10])
		p.advance(3 * 24 * time.Hour)
		p.patch("tom", whole, 0, h.bytes).is(t, "finished on the third day", 204, 1000)
		p.advance(4 * 24 * time.Hour)
		p.head("tom", old).is(t, "after 7 days", 410, -1)
		p.patch("tom", old, 10, g.bytes[10:]).is(t, "PATCH after 7 days", 410, -1)
		p.head("tom", whole).is(t, "finished ones stay", 200, 1000)
		if a := p.create("tom", g); a.status != 201 || a.header.Get("Location") == old {
			t.Errorf("created again: %d", a.status)
		}
		p.advance(8 * 24 * time.Hour)
		if n, err := p.Clean(t.Context()); err != nil || n != 1 || len(p.parts()) != 1 {
			t.Errorf("cleaned %d: %v %v", n, err, p.parts())
		}
		p.advance(30 * 24 * time.Hour)
		if n, err := p.Clean(t.Context()); err != nil || n != 1 || len(p.parts()) != 0 {
			t.Errorf("cleaned %d: %v %v", n, err, p.parts())
		}
	})
}

// Security: 10,000 creations, and other ways to take all that there is.
func TestB_LimitsOfUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newPlace(t, engine, func(c *tus.Config) { c.MaxDay, c.MaxCreated, c.MaxOpen, c.MaxGroup = 10_000, 20, 8, 5 })
		refused := func(what string, a answer, status int, text string) {
			t.Helper()
			if a.status != status || !strings.Contains(a.body, text) || status == 429 && a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %d %s %v", what, a.status, a.body, a.header)
			}
		}
		number := 0
		next := func(visit string, size int) file {
			number++
			f := newFile("0192-"+string(rune('A'+number)), size)
			f.visit = visit
			return f
		}
		for range 5 {
			p.create("tom", next("one", 10)).is(t, "of one visit", 201, 0)
		}
		refused("a sixth of a visit", p.create("tom", next("one", 10)), 422, "visit")
		for range 3 {
			p.create("tom", next("two", 10)).is(t, "of another visit", 201, 0)
		}
		refused("a ninth that is not finished", p.create("tom", next("three", 10)), 429, "not finished")
		refused("too much of a day", p.create("nina", next("four", 10_001)), 429, "today")
		last := 0
		for range 25 {
			a := p.create("nina", next("five", 10))
			if last = a.status; a.status != 201 {
				refused("too many of a day", a, 429, "today")
				break
			}
			p.ask("nina", "DELETE", a.header.Get("Location"), nil)
		}
		if last != 429 {
			t.Error("creating and deleting goes on for ever")
		}
		p.advance(24 * time.Hour)
		p.create("nina", next("five", 10)).is(t, "on the next day", 201, 0)
	})
}

// F7, and a body that is cut in the middle: what came is kept.
func TestF7_WhatCameIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		p := newPlace(t, engine)
		f := newFile("0192-k", 200<<10)
		at := p.created("tom", f)
		p.cut("tom", at, 0, f.bytes[:150<<10], len(f.bytes))
		p.until("tom", at, 150<<10)
		p.patch("tom", at, 150<<10, f.bytes[150<<10:]).is(t, "the rest", 204, 200<<10)
		if !bytes.Equal(p.whole("tom", f.key), f.bytes) {
			t.Error("it is another file")
		}
	})
}

// A phone comes back while its old request still hangs: the new one ends it and goes on.
func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite)
	f := newFile("0192-l", 100<<10)
	at := p.created("tom", f)
	body, write := io.Pipe()
	old := make(chan answer, 1)
	go func() {
		a, err := p.try("tom", "PATCH", at, body, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
		if err != nil {
			a.status = -1 // its connection has ended
		}
		old <- a
	}()
	if _, err := write.Write(f.bytes[:40<<10]); err != nil {
		t.Fatal(err)
	}
	// The creation with the same key, HEAD and PATCH each would end it; here HEAD.
	testkit.Eventually(t, "the server has what was sent", func() bool { return len(p.parts()) == 1 && p.size() == 40<<10 })
	p.head("tom", at).is(t, "HEAD", 200, 40<<10)
	write.CloseWithError(io.ErrClosedPipe)
	if a := <-old; a.status != 423 && a.status != -1 {
		t.Errorf("the old one: %d", a.status)
	}
	p.patch("tom", at, 40<<10, f.bytes[40<<10:]).is(t, "the new one", 204, 100<<10)
	if !bytes.Equal(p.whole("tom", f.key), f.bytes) {
		t.Error("it is another file")
	}
}

// Who sends nothing keeps no place for ever.
func TestASlowBodyEnds(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sqldb.SQLite, func(c *tus.Config) { c.Idle = 100 * time.Millisecond })
	f := newFile("0192-m", 1000)
	at := p.created("tom", f)
	body, write := io.Pipe()
	defer write.Close()
	go write.Write(f.bytes[:400])
	a, err := p.try("tom", "PATCH", at, body, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
	if err == nil && a.status != http.StatusRequestTimeout {
		t.Errorf("%d %s", a.status, a.body)
	}
	p.until("tom", at, 400)
}

// Nor does who sends a byte now and then, or not as fast as it has to be, or for too long.
func TestABodyThatDripsEnds(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tus.Config){
		"below the lowest rate": func(c *tus.Config) { c.Idle = 500 * time.Millisecond },
		"for too long":          func(c *tus.Config) { c.MaxTime = 500 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, sqldb.SQLite, change)
			f := newFile("0192-drip", 250)
			at := p.created("tom", f)
			body, write := io.Pipe()
			go func() {
				for i := range f.bytes {
					if _, err := write.Write(f.bytes[i : i+1]); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
				write.Close()
			}()
			a, err := p.try("tom", "PATCH", at, body, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
			body.CloseWithError(io.ErrClosedPipe)
			if err == nil && (a.status != http.StatusRequestTimeout || !strings.Contains(a.body, "too slowly")) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if n := p.head("tom", at).offset(); n == 0 || n == 250 {
				t.Errorf("%d bytes were kept", n)
			}
		})
	}
}
