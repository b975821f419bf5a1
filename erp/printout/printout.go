// Package printout makes documents that people send and file: as PDF, or as a page of
// HTML that stands alone. Each set that has printouts has one layout, with texts in the
// languages of pages. What a layout shows it reads as the one who asks, so that a printout
// has nothing that they do not see; and it depends on what it reads alone: the same
// version of a document gives the same bytes.
package printout

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/site/words"
)

// The formats of a printout, by the names of the action's fileFormat.
const (
	PDF  = "pdf"
	HTML = "html"
)

// Bounds of a printout; past them it is refused.
const (
	// MaxLines is the most lines of one table.
	MaxLines = 1000
	// MaxBytes is the size of the file.
	MaxBytes = 4 << 20
	// maxWait is how long one waits for others, of which as many are made at once as
	// there are processors.
	maxWait = 10 * time.Second
	// maxText clips texts without a length of their own, in bytes.
	maxText = 4000
)

// Reader reads the row Set(id), shaped by query options, into a value as [json.Unmarshal]
// does. It refuses what the one who asks may not see.
type Reader func(ctx context.Context, set, id, options string, into any) error

// Request is what to print.
type Request struct {
	// Set and ID name the row. The set must be one that is [Offered].
	Set, ID string
	// Format is PDF or HTML.
	Format string
	// Language is that of the texts, and of names that have several.
	Language words.Language
	// Zone is where times of day are told; nil is UTC, which is said then.
	Zone *time.Location
	// Read reads the rows.
	Read Reader
}

// layouts are the built-in ones by the set that they print.
var layouts = map[string]func(context.Context, *printer) (*document, error){
	setInvoices:   invoice,
	setOrders:     order,
	setActivities: activity,
}

var slots = make(chan struct{}, runtime.GOMAXPROCS(0))

// Offered reports whether rows of the set have a printout.
func Offered(set string) bool { return layouts[set] != nil }

// Make prints a document.
func Make(ctx context.Context, r Request) ([]byte, error) {
	layout := layouts[r.Set]
	if layout == nil {
		return nil, tandem.Errorf(tandem.CodeNotFound, "Rows of %s have no printout.", r.Set)
	}
	d, err := layout(ctx, &printer{r, r.Language})
	if err != nil {
		return nil, err
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-time.After(maxWait):
		return nil, tandem.Errorf(tandem.CodeUnavailable, "Many printouts are being made; try again in a moment.")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var file []byte
	if r.Format == HTML {
		file, err = d.html()
	} else {
		file, err = d.pdf(ctx)
	}
	if err == nil && len(file) > MaxBytes {
		err = tandem.Errorf(tandem.CodeTooLarge, "The printout has more than %d bytes; print the document in parts, by orders of fewer lines.", MaxBytes)
	}
	return file, err
}

// document is what is printed, in words: the two formats show the same of it.
type document struct {
	words.Language
	// Title and Number name it. Mark is what it is not yet, or not any more: a draft, void.
	Title, Number, Mark string
	// Date is its day, which is the file's, too.
	Date time.Time
	// Issuer and Recipient are a name and the lines below it.
	Issuer, Recipient []string
	// Imprint tells who the issuer is, at the foot of each page.
	Imprint string
	Facts   []fact
	Tables  []table
	Totals  []fact
	// Notes are paragraphs below.
	Notes []fact
	// Signature asks for one, over the name; empty where none is wanted.
	Signature fact
}

// fact is a value with what it is.
type fact struct{ Label, Value string }

// table has columns, and in each row a cell for each of them.
type table struct {
	Title   string
	Columns []column
	Rows    [][]string
}

// column has its head, its share of the width, and whether it holds numbers.
type column struct {
	Head  string
	Share float64
	Right bool
}

// add adds a fact that has a value.
func add(facts []fact, label, value string) []fact {
	if value = strings.TrimSpace(value); value == "" {
		return facts
	}
	return append(facts, fact{label, tandem.Clip(value, maxText)})
}

// printer prints one document.
type printer struct {
	Request
	words.Language
}

// tooMany refuses what has more lines than are printed.
func (p *printer) tooMany(n int) error {
	if n <= MaxLines {
		return nil
	}
	return tandem.Errorf(tandem.CodeInvalid, "%s(%s) has more than %d lines, which is the most of a printout; read the lines page by page instead.", p.Set, p.ID, MaxLines)
}

// hidden is the refusal of a document whose prices the one who asks does not see, in a
// call that is narrowed to a person: there they are null, and a printout without them
// would be another document.
func (p *printer) hidden(attribute string) error {
	return &permission.Denied{Set: p.Set, Attribute: attribute, Need: permission.Read, Rule: tandem.RuleAttribute}
}
