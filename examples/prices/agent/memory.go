package agent

import (
	"os"
	"runtime/debug"
)

const (
	// memoryLimit is how much memory Go may take before it collects all the time, and
	// growth by how many per cent the heap may grow between two collections. A file goes
	// through row by row, so that what is kept does not grow with it.
	memoryLimit, growth = 24 << 20, 30
)

// KeepSmall keeps the process of an agent small, unless an operator has said otherwise
// by GOMEMLIMIT or GOGC. It is called once, at the start.
func KeepSmall() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}
