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
			"windows-1251 (Cyrillic), windows-1253 (Greek), utf-16le or another of the WHATWG Encoding Standard", name)
	}
	return name, nil
}

// Guess tells the encoding of a file from its bytes, and whether that is only a
// guess. A byte order mark is no guess, nor is text that is UTF-8 as a whole. Text
// with a zero beside each of its separators is UTF-16. Text with more bytes that
// cannot be UTF-8 than characters that must be has a byte for each character: it
// is in the encoding in which its words are those of a language. named is what
// somebody has said, and empty where nobody did; only a byte order mark is
// stronger.
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
	if name := wide(in); name != "" {
		return name, true, nil
	}
	return narrow(in)
}

// narrow tells UTF-8 from the encodings with a byte for each character.
func narrow(in *bufio.Reader) (name string, guessed bool, err error) {
	// proper counts characters of several bytes, broken the bytes of none.
	proper, broken := 0, 0
	found := words{seen: map[string]bool{}}
	for {
		line, err := in.ReadSlice('\n') // or a part of a long one
		found.add(line)
		for rest := line; len(rest) > 0; {
			c, size := utf8.DecodeRune(rest)
			switch {
			case c == utf8.RuneError && size == 1:
				broken++
			case size > 1:
				proper++
			}
			rest = rest[size:]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", false, err
		}
	}
	if broken <= proper {
		return UTF8, false, nil
	}
	return found.best(), true, nil
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
