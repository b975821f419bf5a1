package csvfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// UTF8 is the name of the encoding that needs no [Decode].
const UTF8 = "utf-8"

// Encoding gives a name of an encoding, as the WHATWG Encoding Standard lists
// them, its usual spelling: "CP1252", "latin1" and "Windows-1252" are
// windows-1252.
func Encoding(name string) (string, error) {
	e, err := htmlindex.Get(strings.TrimSpace(name))
	if err == nil {
		name, err = htmlindex.Name(e)
	}
	if err != nil || name == "replacement" || name == "x-user-defined" {
		return "", fmt.Errorf("encoding %q is unknown; use utf-8, windows-1252 (Western Europe), windows-1250 (Central Europe), "+
			"windows-1251 (Cyrillic), utf-16le or another of the WHATWG Encoding Standard", name)
	}
	return name, nil
}

// Guess tells the encoding of a file from its bytes, and whether that is only a
// guess. A byte order mark is no guess, nor is text that is UTF-8 as a whole.
// Text with more bytes that cannot be UTF-8 than characters that must be is in
// one of the encodings with a byte for a character: windows-1251 where such bytes
// stand together as in Cyrillic words, windows-1252 where they stand alone among
// the letters A to Z. named is what somebody has said, and empty where nobody did;
// only a byte order mark is stronger.
func Guess(r io.Reader, named string) (name string, guessed bool, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	start, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, err
	}
	switch {
	case bytes.HasPrefix(start, bom):
		return UTF8, false, nil
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return "utf-16le", false, nil
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return "utf-16be", false, nil
	case named != "":
		return named, false, nil
	}
	// proper counts characters of several bytes, broken the bytes of none;
	// together those of them that follow another.
	var proper, broken, together int
	after := false
	for {
		c, size, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", false, err
		}
		wrong := c == utf8.RuneError && size == 1
		switch {
		case wrong:
			broken++
			if after {
				together++
			}
		case size > 1:
			proper++
		}
		after = wrong
	}
	switch {
	case broken <= proper:
		return UTF8, false, nil
	case 2*together > broken:
		return "windows-1251", true, nil
	}
	return "windows-1252", true, nil
}

// Decode writes a file of the encoding as UTF-8. A byte that stands for no
// character of the encoding becomes the byte 0xFF, which no reader takes for
// UTF-8: so its row is refused, and nothing is changed in silence.
func Decode(to io.Writer, from io.Reader, name string) error {
	e, err := htmlindex.Get(name)
	if err != nil {
		return err
	}
	decoder := e.NewDecoder()
	in := bufio.NewReaderSize(decoder.Reader(from), 64<<10)
	out := bufio.NewWriterSize(to, 64<<10)
	for {
		c, _, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		if c == utf8.RuneError {
			err = out.WriteByte(0xff)
		} else {
			_, err = out.WriteRune(c)
		}
		if err != nil {
			return err
		}
	}
}
