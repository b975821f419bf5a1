package write

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/internal/jsontext"
)

// Bounds of a body; past them is a 400. The size in bytes is bounded by who
// reads the body.
const (
	// MaxDepth is how deep objects and arrays may nest.
	MaxDepth = 16
	// MaxLines is the most children of one object.
	MaxLines = 10000
)

// Object is a JSON object in the order in which it was sent: properties apply
// in that order.
type Object struct {
	Members []Member
}

// Member is one name and value of an [Object]. The value is nil, a bool, a
// string, a [json.Number], an *Object or a []any of these.
type Member struct {
	Name  string
	Value any
}

// Get finds a member; ok is false when the object has none.
func (o *Object) Get(name string) (value any, ok bool) {
	for i := range o.Members {
		if o.Members[i].Name == name {
			return o.Members[i].Value, true
		}
	}
	return nil, false
}

// Set replaces a member or adds it at the end. It returns the object, so that
// Go code can chain calls to build one.
func (o *Object) Set(name string, value any) *Object {
	for i := range o.Members {
		if o.Members[i].Name == name {
			o.Members[i].Value = value
			return o
		}
	}
	o.Members = append(o.Members, Member{name, value})
	return o
}

// ReadObject reads one JSON object and nothing after it. Repeated names, depth
// over [MaxDepth], text that is not UTF-8 and anything that is not an object are
// a 400. A byte order mark before the object is left out.
func ReadObject(r io.Reader) (*Object, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err) // the connection's, or its size limit's
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if err := checkEncoding(body); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	token, err := dec.Token()
	if err != nil {
		return nil, badJSON(dec, err)
	}
	if token != json.Delim('{') {
		return nil, invalid("The body must be a JSON object.")
	}
	o, err := readMembers(dec, 1)
	if err != nil {
		return nil, badJSON(dec, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, invalid("The body goes on after its JSON object, at byte %d.", dec.InputOffset())
	}
	return o, nil
}

func badJSON(dec *json.Decoder, err error) error {
	var known *tandem.Error
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text := strings.TrimPrefix(err.Error(), "json: ")
		if errors.Is(err, io.EOF) {
			text = "it ends too early"
		}
		return invalid("The body is not valid JSON at byte %d: %s.", dec.InputOffset(), text)
	}
	return err
}

// checkEncoding refuses what encoding/json would replace by U+FFFD without a
// word: bytes that are not UTF-8, and halves of surrogate pairs.
func checkEncoding(body []byte) error {
	if !utf8.Valid(body) {
		at := 0
		for at < len(body) {
			if r, size := utf8.DecodeRune(body[at:]); r == utf8.RuneError && size == 1 {
				break
			} else {
				at += size
			}
		}
		return invalid("The body is not UTF-8: the byte 0x%02X at %d cannot stand there. Encode the text as UTF-8; nothing was done.", body[at], at)
	}
	for at := bytes.IndexByte(body, '\\'); at >= 0 && at < len(body)-1; {
		next := at + 2
		if r := escaped(body[at:]); utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escaped(body[min(at+6, len(body)):])) == utf8.RuneError {
				return invalid("The body has half of a surrogate pair, %s, at byte %d, which is no character; nothing was done.", body[at:at+6], at)
			}
			next = at + 12
		}
		further := bytes.IndexByte(body[next:], '\\')
		if further < 0 {
			break
		}
		at = next + further
	}
	return nil
}

// escaped is the code unit of the escape that text begins with, like \u00e9; 0
// when it begins with none.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

func readMembers(dec *json.Decoder, depth int) (*Object, error) {
	if depth > MaxDepth {
		return nil, invalid("The body nests deeper than %d levels.", MaxDepth)
	}
	o := &Object{}
	var seen map[string]bool
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if len(o.Members) == 8 { // a map pays only for larger objects
			seen = make(map[string]bool, 32)
			for _, m := range o.Members {
				seen[m.Name] = true
			}
		}
		repeated := seen[name]
		if seen == nil {
			_, repeated = o.Get(name)
		} else {
			seen[name] = true
		}
		if repeated {
			return nil, invalid("The body names %q twice in one object.", model.Shown(name))
		}
		value, err := readValue(dec, depth)
		if err != nil {
			return nil, err
		}
		o.Members = append(o.Members, Member{name, value})
	}
	_, err := dec.Token() // the closing brace
	return o, err
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return readMembers(dec, depth+1)
	case json.Delim('['):
		if depth >= MaxDepth {
			return nil, invalid("The body nests deeper than %d levels.", MaxDepth)
		}
		list := []any{}
		for dec.More() {
			v, err := readValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	return token, nil
}

// MarshalJSON writes the object in its own order.
func (o *Object) MarshalJSON() ([]byte, error) {
	return appendJSON(nil, o)
}

func appendJSON(dst []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case *Object:
		dst = append(dst, '{')
		for i, m := range v.Members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jsontext.AppendString(dst, m.Name), ':')
			if dst, err = appendJSON(dst, m.Value); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSON(dst, item); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case string:
		return jsontext.AppendString(dst, v), nil
	case json.Number:
		return append(dst, v...), nil
	}
	plain, err := json.Marshal(v)
	return append(dst, plain...), err
}
