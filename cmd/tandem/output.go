package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"
)

// output is the flag of commands that show something.
type output struct {
	Output string `short:"o" help:"Show as table, json or yaml." enum:"table,json,yaml" default:"table"`
}

// field is one line of a thing that is shown alone.
type field struct{ name, value string }

// showOne writes one thing: its fields as lines, or the thing itself.
func showOne(w io.Writer, o output, thing any, fields []field) error {
	if o.Output != "table" {
		return showData(w, o, thing)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(table, "%s\t%s\n", f.name, plain(f.value))
		}
	}
	return table.Flush()
}

// plain keeps a stored text from moving the cursor of a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

func showData(w io.Writer, o output, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if o.Output == "json" {
		_, err = fmt.Fprintln(w, string(text))
		return err
	}
	// YAML is made from the JSON, so that names and order are the same.
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return err
	}
	blockStyle(&node)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&node); err != nil {
		return err
	}
	return enc.Close()
}

func blockStyle(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!str" || n.Kind != yaml.ScalarNode && len(n.Content) > 0 {
		n.Style = 0
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			c.Style = 0 // names are plain words
			continue
		}
		blockStyle(c)
	}
}

// stamp is a time in JSON: RFC 3339 in UTC, null when there is none.
type stamp struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (s stamp) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(s.UTC().Truncate(time.Millisecond))
}

// String is the time for a table.
func (s stamp) String() string {
	if s.IsZero() {
		return ""
	}
	return s.Local().Format("2006-01-02 15:04:05")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
