package odata

import (
	"strings"
)

// kind classifies a token.
type kind uint8

const (
	end    kind = iota
	word        // a name, path, keyword, number, date or guid: told apart by use
	text        // 'a string', with doubled quotes undone
	enum        // Type'Member': typ holds the type, text the member
	symbol      // one of ( ) , ; = * :
)

// token is the smallest piece of an expression.
type token struct {
	kind kind
	pos  int
	text string
	typ  string // of an enum
}

// is reports whether the token is the symbol given.
func (t token) is(s byte) bool { return t.kind == symbol && t.text[0] == s }

// describe is the token as an error message shows it.
func (t token) describe() string {
	switch t.kind {
	case end:
		return "the end"
	case text:
		return "the text " + show(t.text)
	case enum:
		return "the value " + show(t.typ+"'"+t.text+"'")
	default:
		return show(t.text)
	}
}

// scanner cuts one option's value into tokens. Its position only grows, so
// every parser over it ends.
type scanner struct {
	where string
	in    string
	at    int
	tok   token // the current one
	// gap says that space stood before the current token.
	gap bool
}

func newScanner(where, in string) (*scanner, error) {
	s := &scanner{where: where, in: in}
	if len(in) > MaxOption {
		return nil, s.fail(MaxOption, "the text is longer than %d bytes", MaxOption)
	}
	return s, s.next()
}

// next reads the next token into s.tok.
func (s *scanner) next() error {
	s.gap = false
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\t') {
		s.at++
		s.gap = true
	}
	start := s.at
	if start == len(s.in) {
		s.tok = token{kind: end, pos: start}
		return nil
	}
	c := s.in[start]
	switch {
	case strings.IndexByte("(),;=*:", c) >= 0:
		s.at++
		s.tok = token{kind: symbol, pos: start, text: s.in[start:s.at]}
		return nil
	case c == '\'':
		return s.quoted(start, "")
	case isWord(c) || c == '-' || c == '+':
	default:
		return s.fail(start, "%s cannot stand here", show(firstRune(s.in[start:])))
	}
	// A colon belongs to a word only inside a time, which starts with a digit.
	timeLike := c >= '0' && c <= '9' || c == '-' || c == '+'
	for s.at++; s.at < len(s.in); s.at++ {
		c := s.in[s.at]
		if !isWord(c) && c != '-' && (!timeLike || c != ':' && c != '+') {
			break
		}
	}
	w := s.in[start:s.at]
	if s.at < len(s.in) && s.in[s.at] == '\'' {
		return s.quoted(start, w)
	}
	s.tok = token{kind: word, pos: start, text: w}
	return nil
}

// quoted reads a string whose opening quote is at s.at; a quote inside it is
// doubled.
func (s *scanner) quoted(start int, typ string) error {
	s.at++
	from, doubled := s.at, false
	for {
		i := strings.IndexByte(s.in[s.at:], '\'')
		if i < 0 {
			return s.failExpect(start, "end it with ', and double a ' inside it", "a text is not closed")
		}
		s.at += i + 1
		if s.at < len(s.in) && s.in[s.at] == '\'' {
			s.at++
			doubled = true
			continue
		}
		break
	}
	value := s.in[from : s.at-1]
	if len(value) > MaxText {
		return s.fail(start, "a text is longer than %d bytes", MaxText)
	}
	if doubled {
		value = strings.ReplaceAll(value, "''", "'")
	}
	if i := strings.IndexFunc(value, isControl); i >= 0 {
		return s.fail(from+i, "a control character cannot stand in a text")
	}
	s.tok = token{kind: text, pos: start, text: value}
	if typ != "" {
		s.tok.kind, s.tok.typ = enum, typ
	}
	return nil
}

// expect takes the symbol given, or fails.
func (s *scanner) expect(sym byte, after string) error {
	if !s.tok.is(sym) {
		return s.failExpect(s.tok.pos, "expected "+string(sym)+" "+after, "%s cannot stand here", s.tok.describe())
	}
	return s.next()
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '.' || c == '/' || c == '$' || c == '@'
}

// isName reports whether s is one OData identifier: a letter or underscore,
// then letters, digits and underscores, at most 128.
func isName(s string) bool {
	if s == "" || len(s) > 128 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// isQualified reports whether s is names joined by dots: Erp.General_Party.
func isQualified(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !isName(part) {
			return false
		}
	}
	return true
}

func isControl(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == '\uFFFD'
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
