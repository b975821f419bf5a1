// Package picture makes the pictures of people: of what somebody uploads, read and drawn
// again so that nothing of the file is kept but what is seen, and of their initials where
// nobody has uploaded anything.
package picture

import (
	"bytes"
	"errors"
	"hash/fnv"
	"image"
	"image/color"
	_ "image/jpeg" // what cameras write
	"image/png"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Bounds of what is uploaded.
const (
	// MaxBytes is of the file, and MaxPixels of what it shows: a small file can claim to be
	// a picture that takes all memory.
	MaxBytes  = 2 << 20
	MaxPixels = 25_000_000
	// minSide is the least that is worth keeping, in pixels.
	minSide = 32
)

// Small and Large are the sides of the two sizes that are kept, in pixels.
const (
	Small = 64
	Large = 128
)

// What is wrong with a file.
var (
	ErrFormat   = errors.New("picture: this is no PNG or JPEG picture that can be read")
	ErrTooLarge = errors.New("picture: it has more than 25 million pixels, or more than 2 MB")
	ErrTooSmall = errors.New("picture: it has less than 32 pixels in a row")
)

// Sizes are the two sizes of a picture, as PNG.
type Sizes struct{ Small, Large []byte }

// busy has one place: a large picture takes a hundred megabytes while it is read.
var busy = make(chan struct{}, 1)

// Read makes the sizes of a PNG or JPEG file: of the largest square in its middle. One is
// read at a time; the error is ErrFormat, ErrTooLarge or ErrTooSmall.
func Read(file []byte) (Sizes, error) {
	if len(file) > MaxBytes {
		return Sizes{}, ErrTooLarge
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || format != "png" && format != "jpeg" {
		return Sizes{}, ErrFormat
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > MaxPixels/config.Height {
		return Sizes{}, ErrTooLarge
	}
	if min(config.Width, config.Height) < minSide {
		return Sizes{}, ErrTooSmall
	}
	busy <- struct{}{}
	defer func() { <-busy }()
	whole, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return Sizes{}, ErrFormat
	}
	b := whole.Bounds()
	side := min(b.Dx(), b.Dy())
	at := image.Pt(b.Min.X+(b.Dx()-side)/2, b.Min.Y+(b.Dy()-side)/2)
	square := image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
	large := scaled(whole, square, Large)
	return encoded(scaled(large, large.Bounds(), Small), large)
}

func scaled(from image.Image, part image.Rectangle, side int) *image.RGBA {
	to := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(to, to.Bounds(), from, part, draw.Src, nil)
	return to
}

func encoded(small, large image.Image) (s Sizes, err error) {
	for _, one := range []struct {
		to   *[]byte
		from image.Image
	}{{&s.Small, small}, {&s.Large, large}} {
		var b bytes.Buffer
		if err := png.Encode(&b, one.from); err != nil {
			return Sizes{}, err
		}
		*one.to = b.Bytes()
	}
	return s, nil
}

// grounds are dark enough for white letters.
var grounds = []color.RGBA{
	{0x2f, 0x5b, 0xea, 0xff}, {0x0b, 0x7a, 0x5e, 0xff}, {0x8a, 0x3f, 0xb5, 0xff}, {0xa3, 0x3b, 0x20, 0xff}, {0x5b, 0x65, 0x7a, 0xff}, {0x8a, 0x5a, 0x00, 0xff},
}

var bold = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })

// Initials draws letters on a ground that is always the same for the same person.
func Initials(letters, id string) (Sizes, error) {
	hash := fnv.New32a()
	hash.Write([]byte(id))
	ground := grounds[hash.Sum32()%uint32(len(grounds))]
	parsed, err := bold()
	if err != nil {
		return Sizes{}, err
	}
	to := image.NewRGBA(image.Rect(0, 0, Large, Large))
	draw.Draw(to, to.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 54, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return Sizes{}, err
	}
	defer face.Close()
	d := font.Drawer{Dst: to, Src: image.White, Face: face}
	width, height := d.MeasureString(letters), face.Metrics().CapHeight
	d.Dot = fixed.Point26_6{X: (fixed.I(Large) - width) / 2, Y: (fixed.I(Large) + height) / 2}
	d.DrawString(letters)
	return encoded(scaled(to, to.Bounds(), Small), to)
}
