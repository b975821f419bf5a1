package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/internal/picture"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == picture.Command {
		os.Exit(picture.Child(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// drawn is red at the left and blue at the right.
func drawn(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{200, 20, uint8(y), 255}
			if x >= w/2 {
				c = color.NRGBA{20, 20, 200, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// segment puts a segment behind the beginning of a JPEG.
func segment(file []byte, marker byte, content string) []byte {
	head := []byte{0xff, 0xd8, 0xff, marker, 0, 0}
	binary.BigEndian.PutUint16(head[4:], uint16(len(content)+2))
	return append(append(head, content...), file[2:]...)
}

// exif tells how a photo was held, and where.
func exif(turn byte) string {
	return "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(turn) + "\x00\x00\x00\x00\x00\x00GPS 42.1354 24.7453"
}

// claiming is a small PNG that says that it is w × h.
func claiming(t testing.TB, w, h uint32) []byte {
	t.Helper()
	b := asPNG(t, drawn(40, 40))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func opened(t testing.TB, file []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "came")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func read(t testing.TB, name string) (image.Image, []byte) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has the mode %v", name, info.Mode())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

// A photo is drawn anew: upright, no larger than it may be, and without what was hidden.
func TestB_APictureIsDrawnAnew(t *testing.T) {
	photo := segment(asJPEG(t, drawn(800, 400)), 0xe1, exif(6))
	photo = append(segment(photo, 0xfe, "taken by tom"), "PK\x03\x04 an archive behind it <script>"...)
	clear := image.NewNRGBA(image.Rect(0, 0, 300, 100)) // a signature: nothing but lines
	for name, c := range map[string]struct {
		file   []byte
		w, h   int
		tw, th int
	}{
		"a photo held upright": {photo, 400, 800, 160, 320},
		"a large PNG":          {asPNG(t, drawn(4200, 420)), 4096, 409, 320, 31},
		"a drawing":            {asPNG(t, clear), 300, 100, 300, 100},
		"a narrow one":         {asPNG(t, drawn(5000, 1)), 4096, 1, 320, 1},
	} {
		p, err := picture.Prepare(t.Context(), opened(t, c.file), t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, large := read(t, p.JPEG)
		small, _ := read(t, p.Thumbnail)
		if m.Bounds().Size() != image.Pt(c.w, c.h) || p.Width != c.w || p.Height != c.h || small.Bounds().Size() != image.Pt(c.tw, c.th) {
			t.Errorf("%s: %v and %v", name, m.Bounds(), small.Bounds())
		}
		for _, secret := range []string{"GPS", "Exif", "tom", "PK\x03\x04", "<script>"} {
			if bytes.Contains(large, []byte(secret)) {
				t.Errorf("%s keeps %q", name, secret)
			}
		}
		switch name {
		case "a photo held upright": // red, that was left, is above
			if r, _, b, _ := m.At(200, 100).RGBA(); r < b {
				t.Error("it is not turned")
			}
		case "a drawing":
			if r, g, b, _ := m.At(10, 10).RGBA(); r < 0xf000 || g < 0xf000 || b < 0xf000 {
				t.Error("it is not on white")
			}
		}
		again, err := picture.Prepare(t.Context(), opened(t, c.file), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if _, b := read(t, again.JPEG); !bytes.Equal(b, large) {
			t.Errorf("%s: the same file makes other bytes", name)
		}
		p.Remove()
		if _, err := os.Stat(p.Thumbnail); !os.IsNotExist(err) {
			t.Error("it is not removed")
		}
	}
}

// Security: what is no picture is refused by its name, and what is something else besides.
func TestB_WhatIsNoPictureIsRefused(t *testing.T) {
	photo := asJPEG(t, drawn(200, 200))
	for name, c := range map[string]struct {
		file []byte
		text string
	}{
		"HEIC":                    {[]byte("\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heic"), "HEIC"},
		"AVIF":                    {[]byte("\x00\x00\x00\x24ftypavif\x00\x00\x00\x00"), "AVIF"},
		"a video":                 {[]byte("\x00\x00\x00\x24ftypmp42\x00\x00\x00\x00"), "video"},
		"PDF":                     {[]byte("%PDF-1.7 ..."), "PDF"},
		"SVG":                     {[]byte(`<?xml version="1.0"?><svg onload="alert(1)"/>`), "SVG"},
		"HTML":                    {[]byte("<!DOCTYPE html><p>"), "web page"},
		"GIF":                     {[]byte("GIF89a"), "GIF"},
		"WebP":                    {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "WebP"},
		"an archive":              {[]byte("PK\x03\x04"), "archive"},
		"text":                    {[]byte("hello"), "no picture"},
		"nothing":                 {nil, "no picture"},
		"a JPEG that is a PDF":    {segment(photo, 0xfe, "%PDF-1.4 1 0 obj"), "PDF"},
		"a JPEG that is a page":   {segment(photo, 0xfe, "<SCRIPT>alert(1)</SCRIPT>"), "web page"},
		"a JPEG that is no JPEG":  {[]byte("\xff\xd8\xff\xe0 and then nothing of it"), "cannot be read|no JPEG"},
		"half a JPEG":             {photo[:len(photo)/2], "damaged"},
		"half a PNG":              {asPNG(t, drawn(300, 300))[:200], "damaged|no JPEG"},
		"a bomb of pixels":        {claiming(t, 60_000, 60_000), "50 million pixels"},
		"one over the bound":      {claiming(t, 50_000, 1_001), "50 million pixels"},
		"an overflowing size":     {claiming(t, 0x7fffffff, 0x7fffffff), "pixels|no JPEG"},
		"more than its own bytes": {append(photo, make([]byte, picture.MaxBytes)...), "20 MB"},
	} {
		dir := t.TempDir()
		p, err := picture.Prepare(t.Context(), opened(t, c.file), dir)
		var no *picture.Refused
		if !errors.As(err, &no) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said := false
		for text := range strings.SplitSeq(c.text, "|") {
			said = said || strings.Contains(no.Reason, text)
		}
		if why := map[bool]picture.Why{true: picture.NoPicture}[strings.HasPrefix(no.Reason, "This is")]; no.Why == "" || why != "" && no.Why != why ||
			strings.Contains(no.Reason, "more than") != (no.Why == picture.TooLarge) {
			t.Errorf("%s: %s is called %q", name, no.Reason, no.Why)
		}
		if !said || !strings.Contains(no.Reason, "send") {
			t.Errorf("%s: %s (%s)", name, no.Reason, no.Detail)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 || p.JPEG != "" {
			t.Errorf("%s leaves %v %v", name, left, err)
		}
	}
}

// Security, decompression bomb: what needs more memory than a child has ends the child, and
// this process does not notice.
func TestB_ABombEndsItsChildAlone(t *testing.T) {
	before := picture.SetMemory(96 << 20)
	defer picture.SetMemory(before)
	// 36 million pixels of one colour are 140 MB, of a file of some hundred kilobytes.
	bomb := asPNG(t, image.NewNRGBA(image.Rect(0, 0, 6000, 6000)))
	_, err := picture.Prepare(t.Context(), opened(t, bomb), t.TempDir())
	var no *picture.Refused
	if !errors.As(err, &no) || no.Detail == "" {
		t.Fatalf("%v", err)
	}
	t.Logf("%d bytes: %s", len(bomb), no.Detail)
	if _, err := picture.Prepare(t.Context(), opened(t, asJPEG(t, drawn(800, 600))), t.TempDir()); err != nil {
		t.Errorf("a photo in as much memory: %v", err)
	}
}

// Many come at once; two are read at a time, and who does not wait any longer goes.
func TestManyPicturesAtOnce(t *testing.T) {
	photo := asJPEG(t, drawn(640, 480))
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			p, err := picture.Prepare(t.Context(), opened(t, photo), t.TempDir())
			if err != nil {
				t.Error(err)
			}
			p.Remove()
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := picture.Prepare(ended, opened(t, photo), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
	all.Wait()
}

func FuzzOrientation(f *testing.F) {
	f.Add(segment([]byte("\xff\xd8\xff\xda\x00\x02"), 0xe1, exif(6)))
	f.Add(segment([]byte("\xff\xd8"), 0xe1, "Exif\x00\x00II*\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if turn := picture.Orientation(file); turn < 1 || turn > 8 {
			t.Errorf("%d", turn)
		}
		_ = picture.Sniff(file)
	})
}

// BenchmarkPrepare is a photo as phones send it, from file to files.
func BenchmarkPrepare(b *testing.B) {
	photo := opened(b, asJPEG(b, drawn(2048, 1536)))
	dir := b.TempDir()
	for b.Loop() {
		if _, err := photo.Seek(0, 0); err != nil {
			b.Fatal(err)
		}
		p, err := picture.Prepare(b.Context(), photo, dir)
		if err != nil {
			b.Fatal(err)
		}
		p.Remove()
	}
}
