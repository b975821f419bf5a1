package multiparts_test

import (
	"io"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/multiparts"
)

// A body is read to its closing delimiter, or not at all: wherever it is cut.
func TestCutBodies(t *testing.T) {
	t.Parallel()
	const whole = "before\r\n--b\r\nA: 1\r\n\r\nfirst\r\n--b\r\n\r\nsecond\r\n--b--"
	read := func(body string) (parts []string, err error) {
		for in := multiparts.NewReader(strings.NewReader(body), "b"); ; {
			section, err := in.NextRawPart()
			if err == io.EOF {
				return parts, nil
			}
			if err != nil {
				return parts, err
			}
			text, err := io.ReadAll(section)
			if err != nil {
				return parts, err
			}
			parts = append(parts, string(text))
		}
	}
	for _, end := range []string{"", "\r\n", "\r\nafter"} {
		for _, body := range []string{whole + end, strings.ReplaceAll(whole+end, "\r", "")} {
			if parts, err := read(body); err != nil || strings.Join(parts, ",") != "first,second" {
				t.Errorf("%q: %q %v", body, parts, err)
			}
		}
	}
	for n := range len(whole) {
		if parts, err := read(whole[:n]); err == nil {
			t.Errorf("%q: %q %v", whole[:n], parts, err)
		}
	}
}
