package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// A file tells what somebody was shown when it was made, for as long as it is kept. So it
// is noted beside it which orders are in it, how much of their customers, and which
// columns; and who has it later must be shown all of that at that time. The note has a line
// for each month, "#" and its first and last day, then one for each order, how much is told
// of its customer and its id, and at the end one of the columns, after a "=".

// NoteName is the name of the note in the folder of what the job made.
const NoteName = "seen"

// ErrShowsMore refuses the file to somebody who is not shown all that is in it.
var ErrShowsMore error = tandem.Errorf(tandem.CodeForbidden,
	"you may not have this export: it has orders or columns that the ERP does not show you, or not any more; start the export again")

// How much is told of the customer of an order, each with what is before it.
const (
	noCustomer = '0' + iota
	numberOnly
	numberAndName
	nameOnly
)

// told is how much of the customer is told.
func (o *erpOrder) told() byte {
	number, name := o.customer()
	switch {
	case number != "" && name != "":
		return numberAndName
	case number != "":
		return numberOnly
	case name != "":
		return nameOnly
	}
	return noCustomer
}

// within reports whether what was told is within what would be told now.
func within(then, now byte) bool { return then == noCustomer || then == now || now == numberAndName }

// columns are the attributes of which the order tells anything.
func (o *erpOrder) columns() (told []string) {
	for _, c := range []struct {
		name string
		told bool
	}{
		{"DocumentNo", o.DocumentNo != ""}, {"DocumentDate", !o.DocumentDate.IsZero()}, {"State", o.State != ""}, {"Void", o.Void != nil},
		{"CustomerPurchaseOrderNo", o.CustomerPurchaseOrderNo != ""}, {"RequiredDeliveryDate", o.RequiredDeliveryDate != nil},
		{"TotalLineAmount", o.TotalLineAmount.Value != ""},
	} {
		if c.told {
			told = append(told, c.name)
		}
	}
	return told
}

// note is the note while the file is written.
type note struct {
	file    *os.File
	out     *bufio.Writer
	columns []string
}

func newNote(name string) (*note, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &note{file: f, out: bufio.NewWriter(f)}, nil
}

func (n *note) month(first, last time.Time) {
	fmt.Fprintf(n.out, "#%s %s\n", first.Format(time.DateOnly), last.Format(time.DateOnly))
}

func (n *note) order(o *erpOrder) {
	_ = n.out.WriteByte(o.told()) // its error is told by Flush
	_, _ = n.out.WriteString(o.ID + "\n")
	for _, c := range o.columns() {
		if !slices.Contains(n.columns, c) {
			n.columns = append(n.columns, c)
		}
	}
}

func (n *note) close() error {
	fmt.Fprintf(n.out, "=%s\n", strings.Join(n.columns, ","))
	return errors.Join(n.out.Flush(), n.file.Close())
}

// MayHave fails where the person to whom the context's calls are narrowed may not read
// orders any more, or is not shown all of a file with the note.
func (x *Export) MayHave(ctx context.Context, seen io.Reader) error {
	if _, err := client.FirstPage[struct{}](ctx, x.ERP, setOrders, client.Query{Select: "Id", Top: 1}); err != nil {
		return err
	}
	ended := false
	var now map[string]byte // of the month that is looked at
	lines := bufio.NewScanner(seen)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || ended {
			return errNote
		}
		switch line[0] {
		case '#':
			var err error
			if now, err = x.shown(ctx, line[1:]); err != nil {
				return err
			}
		case '=':
			ended = true
			if err := x.showsColumns(ctx, line[1:]); err != nil {
				return err
			}
		default:
			if told, there := now[line[1:]]; !there || !within(line[0], told) {
				return ErrShowsMore
			}
		}
	}
	if err := lines.Err(); err != nil || !ended {
		return errors.Join(errNote, err)
	}
	return nil
}

var errNote = errors.New("what is in the export was not noted as it should be")

// shown are the orders of a month, with how much is told of their customers.
func (x *Export) shown(ctx context.Context, month string) (map[string]byte, error) {
	from, to, _ := strings.Cut(month, " ")
	first, err1 := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil || err2 != nil {
		return nil, errNote
	}
	now := map[string]byte{}
	for o, err := range client.List[erpOrder](ctx, x.ERP, setOrders, monthly("Id", first, last)) {
		if err != nil {
			return nil, err
		}
		now[o.ID] = o.told()
	}
	return now, nil
}

// showsColumns fails where one of the attributes is hidden.
func (x *Export) showsColumns(ctx context.Context, columns string) error {
	if columns == "" {
		return nil
	}
	_, err := client.FirstPage[struct{}](ctx, x.ERP, setOrders, client.Query{Select: columns, Top: 1})
	var refused *client.APIError
	if errors.As(err, &refused) && tandem.ErrorCode(err) == tandem.CodeForbidden {
		return ErrShowsMore
	}
	return err
}
