package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// What the agent writes, and all that it may: the System User is granted no more.
const (
	setProducts    = "General_Products_Products"
	typeProduct    = "General_Products_Product"
	attributePrice = "StandardPricePerLot"
)

// rules are a mapping: which files it is for, what becomes of a row, and within
// which limits a file needs no person. The part under mapping: is one of package
// mapping, so that numbers, encodings and values are written as everywhere.
type rules struct {
	// Files are patterns of names, as [path.Match] has them; the case does not matter.
	Files []string `yaml:"files"`
	// Sheet of a workbook; empty means the first.
	Sheet string `yaml:"sheet"`
	// Currency is the column with the currency of a row, where there is one.
	Currency string `yaml:"currency"`
	// Approvers is the group whose members decide.
	Approvers string  `yaml:"approvers"`
	Gate      limits  `yaml:"gate"`
	Trailer   trailer `yaml:"trailer"`
	Mapping   yaml.Node

	rows *mapping.Mapping
	step *mapping.Step
	// code is the currency of the prices.
	code string
}

// limits are what a file may be like that needs no person.
type limits struct {
	// Rows is how many may change, Mean and Largest by how many per cent on average
	// and at most.
	Rows    int64   `yaml:"rows"`
	Mean    float64 `yaml:"mean"`
	Largest float64 `yaml:"largest"`
	// From and To are the hours of the day, in Zone, within which it may run.
	From string `yaml:"from"`
	To   string `yaml:"to"`
	Zone string `yaml:"zone"`
}

// trailer is the last row of a file that tells what there should have been.
type trailer struct {
	// Column has Text in that row; Count is the column with the number of rows, and
	// the price's own has the sum of prices where Sum is true.
	Column string `yaml:"column"`
	Text   string `yaml:"text"`
	Count  string `yaml:"count"`
	Sum    bool   `yaml:"sum"`
}

// maxMapping is the largest text of a mapping, in bytes.
const maxMapping = 64 << 10

func wrong(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

// allOf is one error of all that is wrong with what somebody wrote.
func allOf(faults ...error) error {
	var all []string
	for _, err := range faults {
		if err != nil {
			all = append(all, err.Error())
		}
	}
	if len(all) == 0 {
		return nil
	}
	return wrong("%s", strings.Join(all, "; "))
}

// parseRules reads a mapping. The error is for who wrote it, with the line.
func parseRules(text []byte) (*rules, error) {
	if len(text) > maxMapping {
		return nil, wrong("the mapping is larger than %d KB", maxMapping>>10)
	}
	r := &rules{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(r); err != nil && !errors.Is(err, io.EOF) {
		return nil, wrong("%s", strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	inner, err := innerText(text, &r.Mapping)
	if err != nil {
		return nil, err
	}
	if r.rows, err = mapping.Parse(inner); err != nil {
		return nil, wrong("%v", err)
	}
	return r, allOf(r.checkTarget(), r.checkOuter())
}

// innerText is the part under mapping: alone, each line in its place, so that faults
// are told with the lines that who wrote it sees.
func innerText(text []byte, node *yaml.Node) ([]byte, error) {
	if node.Kind != yaml.MappingNode || node.Style&yaml.FlowStyle != 0 {
		return nil, wrong("mapping: is missing: say under it what becomes of a row, as docs/import.md tells")
	}
	lines := strings.SplitAfter(string(text), "\n")
	end := len(lines)
	for n := node.Line; n < len(lines); n++ {
		if line := lines[n]; line != "" && strings.TrimSpace(line[:1]) != "" && line[0] != '#' {
			end = n // another key of the outer text
			break
		}
	}
	return []byte(strings.Repeat("\n", node.Line-1) + strings.Join(lines[node.Line-1:end], "")), nil
}

// checkTarget refuses a mapping that would write anything but prices of products that
// are there: it fails when it is saved, and not in the middle of a night.
func (r *rules) checkTarget() error {
	m := r.rows
	if len(m.Steps) != 1 || len(m.Prepare) > 0 {
		return wrong("mapping: this agent takes one file at a time: write exactly one step, and nothing to prepare")
	}
	r.step = m.Steps[0]
	o := r.step.Object
	switch {
	case o.Entity != typeProduct:
		return wrong("line %d: this agent changes prices of %s alone, and not %s", o.Line, typeProduct, tandem.Clip(o.Entity, 60))
	case o.Match != "Code" || o.Action != "update":
		return wrong("line %d: products are found by their number and never made: write match: code, without create", o.Line)
	case len(r.step.Children) > 0:
		return wrong("line %d: prices have no children", o.Line)
	}
	for _, a := range o.Set {
		if a.Attribute != attributePrice {
			return wrong("line %d: %s may not be changed by this agent, which holds %s.%s alone", a.Line, tandem.Clip(a.Attribute, 60),
				setProducts, attributePrice)
		}
	}
	if len(o.Set) != 1 || o.Set[0].Value.Column == "" || o.Set[0].Value.As != mapping.AmountKind || o.Set[0].Value.Code == "" {
		return wrong("line %d: set %s from a column, as: amount, with its currency:", o.Line, attributePrice)
	}
	r.code = o.Set[0].Value.Code
	return nil
}

func (r *rules) checkOuter() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, wrong(format, args...)) }
	if len(r.Files) == 0 {
		fault("files: is missing: name patterns, such as prices*.csv")
	}
	for _, pattern := range r.Files {
		if _, err := path.Match(pattern, "x"); err != nil || strings.ContainsAny(pattern, `/\`) {
			fault("files: %q is no pattern of a name; write it like prices-*.csv", tandem.Clip(pattern, 60))
		}
	}
	if strings.TrimSpace(r.Approvers) == "" {
		fault("approvers: is missing: name the group whose members decide on files outside the limits")
	}
	if g := &r.Gate; g.Rows < 0 || g.Mean < 0 || g.Largest < 0 {
		fault("gate: limits are not below zero; at 0 every file waits for a person")
	}
	if _, err := r.Gate.open(time.Unix(0, 0)); err != nil {
		faults = append(faults, err)
	}
	if t := &r.Trailer; (t.Column == "") != (t.Text == "") || t.Column == "" && (t.Count != "" || t.Sum) {
		fault("trailer: say by which text in which column the last row is known (column: and text:)")
	}
	return allOf(faults...)
}

// columns are those that a file must have.
func (r *rules) columns() []string {
	columns := slices.Clone(r.step.Columns())
	for _, more := range []string{r.Currency, r.Trailer.Column, r.Trailer.Count} {
		if more != "" && !slices.Contains(columns, more) {
			columns = append(columns, more)
		}
	}
	return columns
}

// knows reports whether the mapping is for files of the name.
func (r *rules) knows(name string) bool {
	return slices.ContainsFunc(r.Files, func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name))
		return ok && err == nil
	})
}

// mappingOf is the newest version of the mapping that knows files of the name, the
// first of several by their names.
func (a *Agent) mappingOf(ctx context.Context, file string) (mappingRow, *rules, error) {
	all, err := a.store.mappings(ctx)
	if err != nil {
		return mappingRow{}, nil, err
	}
	var patterns []string
	for _, m := range all {
		r, err := parseRules([]byte(m.content))
		if err != nil {
			return m, nil, fmt.Errorf("mapping %s: %w", m.name, err)
		}
		if r.knows(file) {
			return m, r, nil
		}
		patterns = append(patterns, r.Files...)
	}
	return mappingRow{}, nil, tandem.Errorf(tandem.CodeNotFound, "no mapping is for a file called %s; there are those for %s",
		tandem.Clip(file, 80), tandem.Clip(strings.Join(patterns, ", "), 200))
}

// rulesOf are those that a batch was checked with.
func (a *Agent) rulesOf(ctx context.Context, b *batch) (*rules, error) {
	m, err := a.store.mapping(ctx, b.mapping, b.mappingVersion)
	if err != nil {
		return nil, err
	}
	return parseRules([]byte(m.content))
}

// editors are who has written the mapping that a batch was checked with, and who has saved
// one since the file came that is or was for it: these alone are since. What a file falls
// to can be changed by a mapping of any name, so that all count.
func (a *Agent) editors(ctx context.Context, in asking, b *batch) (all, since []string, err error) {
	saved, err := a.store.savedSince(ctx, in, b.receivedAt, b.mapping, b.mappingVersion)
	if err != nil {
		return nil, nil, err
	}
	for i := range saved {
		m := &saved[i]
		forIt := m.name == b.mapping || m.isFor(b.fileName)
		if !forIt && m.version > 1 {
			before, err := a.store.mappingIn(ctx, in, m.name, m.version-1)
			if err != nil {
				return nil, nil, err
			}
			forIt = before.isFor(b.fileName)
		}
		if !forIt {
			continue
		}
		all = append(all, m.by)
		if !m.at.Before(b.receivedAt) && !slices.Contains(since, m.by) {
			since = append(since, m.by)
		}
	}
	return all, since, nil
}

// isFor reports whether a mapping is for files of the name, or can no longer be read.
func (m *mappingRow) isFor(file string) bool {
	r, err := parseRules([]byte(m.content))
	return err != nil || r.knows(file)
}
