package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/hybridapps/tandem/site/picture"
)

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), 9, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claiming is a small PNG that says that it is w × h.
func claiming(t testing.TB, w, h uint32) []byte {
	t.Helper()
	b := pngOf(t, 40, 40)
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestRead(t *testing.T) {
	t.Parallel()
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 300, 200)), nil); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"png": pngOf(t, 90, 200), "jpeg": photo.Bytes(), "with more behind it": append(pngOf(t, 64, 64), "<script>"...)} {
		s, err := picture.Read(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for side, got := range map[int][]byte{picture.Small: s.Small, picture.Large: s.Large} {
			if m, err := png.Decode(bytes.NewReader(got)); err != nil || m.Bounds() != image.Rect(0, 0, side, side) || bytes.Contains(got, []byte("<script>")) {
				t.Errorf("%s, %d: %v", name, side, err)
			}
		}
	}
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"a bomb":      {claiming(t, 60000, 60000), picture.ErrTooLarge},
		"overflowing": {claiming(t, 0x7fffffff, 0x7fffffff), picture.ErrFormat},
		"heavy":       {make([]byte, picture.MaxBytes+1), picture.ErrTooLarge},
		"tiny":        {pngOf(t, 31, 400), picture.ErrTooSmall},
		"a gif":       {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), picture.ErrFormat},
		"a page":      {[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), picture.ErrFormat},
		"half":        {pngOf(t, 90, 90)[:200], picture.ErrFormat},
		"nothing":     {nil, picture.ErrFormat},
	} {
		if _, err := picture.Read(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	a, err := picture.Initials("ЖЩ", "1")
	b, err2 := picture.Initials("AB", "1")
	again, err3 := picture.Initials("AB", "1")
	if err != nil || err2 != nil || err3 != nil || bytes.Equal(a.Large, b.Large) || !bytes.Equal(b.Small, again.Small) {
		t.Error(err, err2, err3)
	}
	m, err := png.Decode(bytes.NewReader(a.Large))
	if err != nil || m.Bounds().Dx() != picture.Large {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(pngOf(f, 40, 40))
	f.Add(claiming(f, 5000, 5001))
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, err := picture.Read(file); err == nil && (len(s.Small) == 0 || len(s.Large) == 0) {
			t.Error("a picture of nothing")
		}
	})
}
