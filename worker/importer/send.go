package importer

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// send makes the request of a batch and writes down what came of it.
func (i *attempt) send(ctx context.Context, step *mapping.Step, b *batch) error {
	i.report = append(i.report, b.report...)
	if err := i.withChildren(ctx, step, b); err != nil {
		return err
	}
	items := slices.DeleteFunc(b.items, func(it item) bool {
		if it.failure != "" {
			i.refused(step, &it, it.failure)
		}
		return it.failure != ""
	})
	results, err := i.request(ctx, items)
	if err != nil {
		return err
	}
	for n := range items {
		it := &items[n]
		if results[n].failure != "" {
			i.refused(step, it, results[n].failure)
			continue
		}
		if len(it.children) == 0 || it.children[0].of.File != step.File {
			i.tally(step.File, results[n].state, 1)
		}
		for _, c := range it.children {
			i.tally(c.of.File, results[n].state, 1)
		}
		for file, n := range it.removed {
			i.count(file).Removed += n
		}
	}
	return i.passed(ctx, b)
}

// passed counts the rows of a batch that is done, and keeps how far the import is.
func (i *attempt) passed(ctx context.Context, b *batch) error {
	for file, rows := range b.rows {
		i.count(file).Rows += rows
		i.at.Done += rows
	}
	i.at.Row = max(i.at.Row, b.row)
	if b.last {
		i.at.Step, i.at.Row = i.at.Step+1, 0
	}
	return i.save(ctx)
}

func (i *attempt) tally(file, state string, n int64) {
	s := i.count(file)
	switch state {
	case "Added":
		s.Added += n
	case "Modified":
		s.Changed += n
	default:
		s.Unchanged += n
	}
}

var ofLine = regexp.MustCompile(`^([A-Za-z_]+)\[(\d+)\]: (.*)$`)

// refused reports an object that the API refused: where the reason is a line of
// it, that line is told.
func (i *attempt) refused(step *mapping.Step, it *item, reason string) {
	culprit := -1
	if m := ofLine.FindStringSubmatch(reason); m != nil {
		place, _ := strconv.Atoi(m[2])
		first := slices.IndexFunc(it.children, func(c childLine) bool { return c.of.Collection == m[1] })
		if n := first + place; first >= 0 && n < len(it.children) && it.children[n].of.Collection == m[1] {
			culprit, reason = n, m[3]
		}
	}
	main := internalapi.ReportRow{File: step.File, Row: it.line, Severity: internalapi.SeverityRefused, Reason: reason}
	own := func(c childLine) bool { return c.of.File == step.File && c.line == it.line } // main is this row too
	if culprit >= 0 && !own(it.children[culprit]) {
		c := it.children[culprit]
		main.Reason = fmt.Sprintf("not imported, because line %d of %s is refused: %s", c.line, c.of.File, reason)
	}
	i.report = append(i.report, main)
	for n, c := range it.children {
		row := internalapi.ReportRow{File: c.of.File, Row: c.line, Severity: internalapi.SeverityRefused, Reason: withParent(step.File)}
		if own(c) {
			continue
		}
		if n == culprit {
			row.Reason = reason
		}
		i.report = append(i.report, row)
	}
}
