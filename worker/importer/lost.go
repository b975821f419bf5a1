package importer

import (
	"fmt"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// lostRows are rows of children that cannot be read and do not tell whose they
// are. Where the rows of each parent stand together, such a row can only be of the
// parents beside it, or of one that has no row at all: those may be incomplete.
type lostRows struct {
	// first is the first of them, since the first after the last row that was read.
	first, since int64
	// before is the parent of that row.
	before string
	// beside is such a line for each parent that has a row next to one.
	beside map[string]int64
	// apart says that rows of one parent do not stand together.
	apart bool
}

// lose notes a row that cannot be read.
func (l *lostRows) lose(line int64) {
	if l.first == 0 {
		l.first, l.beside = line, map[string]int64{}
	}
	if l.since == 0 {
		l.since = line
	}
	l.note(l.before, line)
}

// pass notes a row that names its parent.
func (l *lostRows) pass(parent string) {
	if l.since != 0 {
		l.note(parent, l.since)
	}
	l.before, l.since = parent, 0
}

func (l *lostRows) note(parent string, line int64) {
	if _, noted := l.beside[parent]; !noted && parent != "" {
		l.beside[parent] = line
	}
}

// settle looks, in rows that are sorted by their parents, whether those of each
// stood together. Where they did not the rows that cannot be read say it.
func (l *lostRows) settle(rows []childRow, bad []internalapi.ReportRow) {
	for n := 1; n < len(rows) && !l.apart; n++ {
		l.apart = rows[n].parent == rows[n-1].parent && rows[n].place != rows[n-1].place+1
	}
	if !l.apart {
		return
	}
	for n := range bad {
		bad[n].Reason += "; the rows of one key do not stand together here, so that it can be of any"
	}
}

// missed is a line that may have been a row of the parent, of which the file has n;
// 0 where there is none.
func (l *lostRows) missed(parent string, n int) int64 {
	switch {
	case l.first == 0 || l.apart:
		return 0
	case n == 0:
		return l.first
	}
	return l.beside[parent]
}

// warnIncomplete says of a parent that it may lack a row.
func (x *childIndex) warnIncomplete(parent string, n int, report func(mapping.Problem)) {
	if line := x.lost.missed(parent, n); line != 0 {
		report(mapping.Problem{
			Column: x.c.Collection, Warning: true,
			Reason: fmt.Sprintf("may be incomplete: line %d of %s cannot be read, and stands where a row of it can be", line, x.c.File),
		})
	}
}
