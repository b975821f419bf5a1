package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Log is a file that a program writes to while the test reads it, as the logs of programs
// are.
type Log struct{ *os.File }

// NewLog makes an empty one.
func NewLog(t testing.TB) Log {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return Log{f}
}

// String is what was written until now.
func (l Log) String() string {
	text, err := os.ReadFile(l.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}
