package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// lines interleaves the logs of several programs: whole lines, each with the
// name of its program before it.
type lines struct {
	mu sync.Mutex
	w  io.Writer
	// raw leaves lines as they are: JSON names its program itself.
	raw    bool
	colour bool
}

// colours of the programs' names on a terminal.
var colours = map[string]string{"instance": "36", "webapp": "32", "worker": "33", "up": "1"}

func (l *lines) write(name, line string) {
	prefix := ""
	switch {
	case l.raw:
	case l.colour:
		prefix = fmt.Sprintf("\x1b[%sm%-8s |\x1b[0m ", colours[name], name)
	default:
		prefix = fmt.Sprintf("%-8s | ", name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "%s%s\n", prefix, line)
}

// named is a writer whose writes are lines of the program.
func (l *lines) named(name string) io.Writer { return &namedLines{l, name} }

type namedLines struct {
	*lines
	name string
}

// Write implements io.Writer. A logger writes a whole line at a time.
func (n *namedLines) Write(b []byte) (int, error) {
	text := string(b)
	if len(text) > 0 && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	n.write(n.name, text)
	return len(b), nil
}

// maxLine bounds a line of a program; longer ones are cut.
const maxLine = 64 << 10

// copy writes the lines that come from r until it ends, and returns the last.
func (l *lines) copy(name string, r io.Reader) (last string) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		text, more, err := in.ReadLine()
		if err != nil {
			return last
		}
		last = string(text)
		l.write(name, last)
		for more && err == nil { // the rest of a line that is too long
			_, more, err = in.ReadLine()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return last
		}
	}
}

// isTerminal reports whether a person looks at the file.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
}
