package picture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // what drawings are sent as
	"io"
	"os"
	"strconv"

	"golang.org/x/image/draw"
)

// quality is of the JPEG that is made, of 100.
const quality = 85

// Child is the whole life of the child, and returns its exit status: it reads a file on its
// standard input, and writes the pictures to the files 3 and 4.
func Child(args []string) int {
	bound := int64(0)
	if len(args) == 1 {
		bound, _ = strconv.ParseInt(args[0], 10, 64) // 0 is refused below
	}
	if bound <= 0 {
		fmt.Fprintln(os.Stderr, "this is for the program itself, which decodes pictures so")
		return 64
	}
	if err := confine(bound); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	v, err := work(os.Stdin, os.NewFile(3, "large"), os.NewFile(4, "small"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 74
	}
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		return 74
	}
	return 0
}

func work(in io.Reader, large, small io.Writer) (verdict, error) {
	file, err := io.ReadAll(io.LimitReader(in, MaxBytes+1))
	if err != nil {
		return verdict{}, err
	}
	made, no := decode(file)
	if no != nil {
		return verdict{Refused: no}, nil
	}
	options := &jpeg.Options{Quality: quality}
	if err := jpeg.Encode(large, made, options); err != nil {
		return verdict{}, err
	}
	b := made.Bounds()
	if err := jpeg.Encode(small, fitted(made, ThumbnailSide, draw.CatmullRom), options); err != nil {
		return verdict{}, err
	}
	return verdict{Width: b.Dx(), Height: b.Dy()}, nil
}

// decode draws a file anew, upright and on white; no says why not.
func decode(file []byte) (made image.Image, no *Refused) {
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	switch {
	case err != nil || format != "jpeg" && format != "png":
		return nil, refused(Unreadable, "The file is no JPEG or PNG picture that can be read; save it anew and send it again.")
	case config.Width <= 0 || config.Height <= 0 || config.Width > MaxPixels/config.Height:
		return nil, refused(TooLarge, "The picture has more than %d million pixels; send a smaller one.", MaxPixels/1_000_000)
	}
	whole, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, refused(Unreadable, "The picture is damaged or not all of it is there; save it anew and send it again.")
	}
	turn := 1
	if format == "jpeg" {
		turn = orientation(file)
	}
	return upright(fitted(whole, MaxSide, draw.ApproxBiLinear), turn), nil
}

// fitted is a picture on white with no side longer than that.
func fitted(from image.Image, side int, by draw.Scaler) image.Image {
	b := from.Bounds()
	longer := max(b.Dx(), b.Dy())
	opaque, knows := from.(interface{ Opaque() bool })
	if longer <= side && knows && opaque.Opaque() {
		return from
	}
	w, h := b.Dx(), b.Dy()
	if longer > side {
		w, h = max(1, w*side/longer), max(1, h*side/longer)
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(to, to.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	by.Scale(to, to.Bounds(), from, b, draw.Over, nil)
	return to
}

// upright turns and mirrors a picture as EXIF's orientation (1 to 8) says it was taken.
func upright(from image.Image, turn int) image.Image {
	if turn == 1 {
		return from
	}
	b := from.Bounds()
	w, h := b.Dx(), b.Dy()
	size := image.Rect(0, 0, w, h)
	if turn >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			c := from.At(b.Min.X+x, b.Min.Y+y)
			switch turn {
			case 2:
				to.Set(w-1-x, y, c)
			case 3:
				to.Set(w-1-x, h-1-y, c)
			case 4:
				to.Set(x, h-1-y, c)
			case 5:
				to.Set(y, x, c)
			case 6:
				to.Set(h-1-y, x, c)
			case 7:
				to.Set(h-1-y, w-1-x, c)
			case 8:
				to.Set(y, w-1-x, c)
			}
		}
	}
	return to
}
