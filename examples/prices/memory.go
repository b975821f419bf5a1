package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit is how much memory Go may take before it collects more often, in bytes.
// A file goes through row by row, so that what is kept does not grow with it; without
// a limit Go lets as much again lie about.
const memoryLimit = 32 << 20

// keepSmall keeps the agent small, unless an operator has said otherwise.
func keepSmall() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
