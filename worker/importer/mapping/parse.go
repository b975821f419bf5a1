package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a mapping file. The error is a [Faults] that names every fault
// with its line.
func Parse(text []byte) (*Mapping, error) {
	if len(text) > MaxFile {
		return nil, Faults{{1, fmt.Sprintf("the file has %d bytes; at most %d are allowed", len(text), MaxFile)}}
	}
	var root yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&root); err != nil {
		return nil, syntaxFault(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, Faults{{1, "the file must hold one YAML document"}}
	}
	if faults := literal(&root); len(faults) > 0 {
		return nil, faults
	}
	var form fileForm
	b := &builder{m: &Mapping{}}
	if err := root.Content[0].Decode(&form); err != nil {
		b.faults = faultsOf(err)
	}
	b.file(&form)
	if len(b.faults) == 0 {
		b.across()
	}
	if len(b.faults) > 0 {
		slices.SortStableFunc(b.faults, func(a, b Fault) int { return a.Line - b.Line })
		return nil, b.faults
	}
	return b.m, nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

func syntaxFault(err error) Faults {
	if errors.Is(err, io.EOF) {
		return Faults{{1, "the file is empty"}}
	}
	line, reason := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		reason = m[2]
	}
	return Faults{{line, "not YAML: " + reason}}
}
