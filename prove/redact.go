package prove

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Shown is a text without the secrets of a run: «service secret» stands in their
// place. Only [Secrets.Show] makes one of what came over the wire, and [Plain] of
// words of our own.
type Shown struct{ text string }

// Plain is a text of the prover's own.
func Plain(format string, args ...any) Shown { return Shown{fmt.Sprintf(format, args...)} }

// String is the text.
func (s Shown) String() string { return s.text }

// MarshalText implements [encoding.TextMarshaler].
func (s Shown) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: a report is read again.
func (s *Shown) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}

// shortestSecret is the least number of bytes that are looked for: a password
// such as "demo" would be found in words that are none.
const shortestSecret = 8

// maxShown is how many bytes of an answer a report shows.
const maxShown = 600

// Secrets are everything of a run that nobody may read: credentials, passwords,
// codes, tokens, verifiers. It is safe for concurrent use.
type Secrets struct {
	mu      sync.Mutex
	named   []secret
	label   map[string]string
	counted map[string]int
}

type secret struct {
	label string
	forms []form
}

// form is a way in which a secret can be written.
type form struct{ how, text string }

// Note remembers a secret by its name, "service secret".
func (s *Secrets) Note(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(name, text)
}

// NoteNumbered remembers one of many: "code 3". It is numbered once.
func (s *Secrets) NoteNumbered(kind, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" || s.label[text] != "" {
		return
	}
	if s.counted == nil {
		s.counted = map[string]int{}
	}
	s.counted[kind]++
	s.note(fmt.Sprintf("%s %d", kind, s.counted[kind]), text)
}

func (s *Secrets) note(label, text string) {
	if text == "" || s.label[text] != "" {
		return
	}
	if s.label == nil {
		s.label = map[string]string{}
	}
	s.label[text] = label
	s.named = append(s.named, secret{label, formsOf(text)})
}

// Found is a secret in a text, and how it was written there.
type Found struct{ Label, How string }

// jwt is what a token looks like that nobody has noted.
var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,3}`)

// Show is a text as a report may have it: names for secrets, printable, and cut
// where it is long.
func (s *Secrets) Show(text string) Shown {
	text = jwt.ReplaceAllString(s.replacer().Replace(text), "«a token»")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + " …"
	}
	return Shown{text}
}

// replacer puts names in place of secrets, the longest first: a token can have
// another secret in it.
func (s *Secrets) replacer() *strings.Replacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	type pair struct{ text, label string }
	var pairs []pair
	for _, named := range s.named {
		for _, f := range named.forms {
			pairs = append(pairs, pair{f.text, "«" + named.label + "»"})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(len(b.text), len(a.text)) })
	flat := make([]string, 0, 2*len(pairs))
	for _, p := range pairs {
		flat = append(flat, p.text, p.label)
	}
	return strings.NewReplacer(flat...)
}

// formsOf are the ways of writing a text that a leak takes: as it is, escaped for
// a URL, for HTML or JSON, and in base64 or hexadecimal, alone or among other text.
func formsOf(text string) []form {
	forms := []form{{"as it is", text}}
	add := func(how, written string) {
		if len(written) >= shortestSecret && !slices.ContainsFunc(forms, func(f form) bool { return f.text == written }) {
			forms = append(forms, form{how, written})
		}
	}
	add("escaped for a query", url.QueryEscape(text))
	add("escaped for a path", url.PathEscape(text))
	add("escaped for HTML", html.EscapeString(text))
	if quoted, err := json.Marshal(text); err == nil {
		add("escaped for JSON", string(quoted[1:len(quoted)-1]))
	}
	add("in hexadecimal", hex.EncodeToString([]byte(text)))
	add("in hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(text))))
	for offset := range 3 {
		add("in base64", within64(base64.RawStdEncoding, text, offset))
		add("in base64", within64(base64.RawURLEncoding, text, offset))
	}
	return forms
}

// within64 is what of a text shows in the base64 of a longer one in which it begins
// at a place that leaves the remainder offset when divided by three.
func within64(enc *base64.Encoding, text string, offset int) string {
	all := enc.EncodeToString(append(make([]byte, offset), text...))
	first := (offset*8 + 5) / 6
	last := (offset + len(text)) * 8 / 6
	if first >= last {
		return ""
	}
	return all[first:last]
}
