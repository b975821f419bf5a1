package mapping

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// constant is any YAML value as JSON; the keys keep their order.
type constant struct {
	json *string // nil where there is none
	line int
}

func (c constant) given() bool { return c.line > 0 }

// UnmarshalYAML implements yaml.Unmarshaler.
func (c *constant) UnmarshalYAML(n *yaml.Node) error {
	c.line = n.Line
	b, err := appendNode(nil, n, 0)
	if err != nil {
		return err
	}
	text := string(b)
	c.json = &text
	return nil
}

func appendNode(b []byte, n *yaml.Node, depth int) ([]byte, error) {
	if depth > maxDepth {
		return b, faultAt(n, "values nest deeper than %d", maxDepth)
	}
	var err error
	switch n.Kind {
	case yaml.MappingNode:
		b = append(b, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quotedTo(b, n.Content[i].Value), ':')
			if b, err = appendNode(b, n.Content[i+1], depth+1); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, item := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendNode(b, item, depth+1); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	}
	return appendScalar(b, n)
}

func appendScalar(b []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case tagNull:
		return append(b, "null"...), nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(b, n.Value...), nil
		}
	case "!!bool":
		var yes bool
		if n.Decode(&yes) != nil {
			return b, faultAt(n, "this value cannot be read")
		}
		text, err := json.Marshal(yes)
		return append(b, text...), err
	}
	return quotedTo(b, n.Value), nil
}
