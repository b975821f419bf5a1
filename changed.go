package tandem

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Subject is what an administrative deed was done to. The id never changes, and the
// name is what people call it.
type Subject struct {
	// Kind is such as application, credential, user, session, group, key.
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Attributes are what a thing is described by, under the names that its JSON has:
// texts, truth values and lists of texts. Of a secret there is only [SetOrUnset].
type Attributes map[string]any

// SetOrUnset stands for a secret, a password or the hash of one.
func SetOrUnset(is bool) string {
	if is {
		return "set"
	}
	return "unset"
}

// maxChanged bounds what is kept of a change, as JSON: facts have a limit.
const maxChanged = 3 << 10

// Changed puts what differs into Before and After. Of what was made there is After
// alone and of what is gone Before, each without what is empty. What would be too
// long is shortened and ends in "…".
func (f *Facts) Changed(before, after Attributes) {
	f.Before, f.After = pick(before, after), pick(after, before)
	for _, limit := range []struct{ bytes, entries int }{{512, 50}, {100, 10}, {30, 3}} {
		if len(jsonText(f.Before))+len(jsonText(f.After)) <= maxChanged {
			return
		}
		f.Before.shorten(limit.bytes, limit.entries)
		f.After.shorten(limit.bytes, limit.entries)
	}
	if len(jsonText(f.Before))+len(jsonText(f.After)) > maxChanged {
		f.Before, f.After = nil, nil
	}
}

// pick are the attributes that the other has not, or has otherwise.
func pick(from, other Attributes) Attributes {
	picked := Attributes{}
	for name, value := range from {
		was, there := other[name]
		if other != nil && !(there && reflect.DeepEqual(value, was)) || other == nil && !empty(value) {
			picked[name] = value
		}
	}
	if len(picked) == 0 {
		return nil
	}
	return picked
}

func empty(value any) bool {
	v := reflect.ValueOf(value)
	return value == nil || v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

func (a Attributes) shorten(bytes, entries int) {
	for name, value := range a {
		switch v := value.(type) {
		case string:
			a[name] = Clip(v, bytes)
		case []string:
			short := make([]string, 0, entries+1)
			for _, entry := range v[:min(len(v), entries)] {
				short = append(short, Clip(entry, bytes))
			}
			if left := len(v) - entries; left > 0 {
				short = append(short, fmt.Sprintf("… and %d more", left))
			}
			a[name] = short
		}
	}
}

// Words tell what changed in a few words: scope "read update" → read. Empty when
// nothing did, and for what was made or is gone.
func (f *Facts) Words() string {
	if f.Before == nil || f.After == nil {
		return ""
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(f.After)) {
		was, now := f.Before[name], f.After[name]
		if gone, came, lists := differing(was, now); lists {
			all = append(all, name+signed("+", came)+signed("−", gone))
			continue
		}
		all = append(all, name+" "+word(was)+" → "+word(now))
	}
	return strings.Join(all, "; ")
}

// wordBytes is how much of a value is told.
const wordBytes = 80

func word(value any) string {
	switch v := value.(type) {
	case nil:
		return "none"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		if v == "" || strings.ContainsAny(v, " ;\n") || HasControl(v) {
			return fmt.Sprintf("%q", Clip(v, wordBytes))
		}
		return Clip(v, wordBytes)
	}
	return Clip(jsonText(value), wordBytes)
}

// differing are the entries of one list that are not in the other.
func differing(was, now any) (gone, came []string, lists bool) {
	before, one := was.([]string)
	after, other := now.([]string)
	if !one || !other {
		return nil, nil, false
	}
	without := func(of, others []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(s string) bool { return slices.Contains(others, s) })
	}
	gone, came = without(before, after), without(after, before)
	return gone, came, len(gone)+len(came) > 0
}

func signed(sign string, entries []string) string {
	var text strings.Builder
	for _, entry := range entries {
		text.WriteString(" " + sign + Clip(entry, wordBytes))
	}
	return text.String()
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts, truth values and lists always marshal
	}
	return string(text)
}
