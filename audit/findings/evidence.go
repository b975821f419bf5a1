package findings

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Evidence is one fact. Its value is a text, a number, a time, yes or no, or a list of
// texts.
type Evidence struct {
	Name  string
	Value any
}

// Text is the value for people.
func (e *Evidence) Text() string {
	switch v := e.Value.(type) {
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case time.Time:
		if v.IsZero() {
			return "never"
		}
		return v.UTC().Format("2006-01-02 15:04 UTC")
	case []string:
		return strings.Join(v, ", ")
	}
	panic("findings: evidence of a type that nobody can show") // a mistake in a rule, which its test meets
}

// value is what JSON has of it.
func (e *Evidence) value() any {
	if t, ok := e.Value.(time.Time); ok {
		if t.IsZero() {
			return nil
		}
		return t.UTC().Truncate(time.Millisecond)
	}
	return e.Value
}

// EvidenceJSON is evidence as an object, in its order. Facts of one name are an array.
type EvidenceJSON []Evidence

// MarshalJSON implements json.Marshaler.
func (all EvidenceJSON) MarshalJSON() ([]byte, error) {
	values := map[string][]any{}
	var names []string
	for i := range all {
		name := all[i].Name
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], all[i].value())
	}
	text := []byte{'{'}
	for i, name := range names {
		var value any = values[name]
		if len(values[name]) == 1 {
			value = values[name][0]
		}
		for _, part := range []any{name, value} {
			encoded, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			text = append(append(text, encoded...), ':')
		}
		text[len(text)-1] = ','
		if i == len(names)-1 {
			text = text[:len(text)-1]
		}
	}
	return append(text, '}'), nil
}
