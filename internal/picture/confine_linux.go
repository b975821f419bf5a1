package picture

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// confine bounds what this process may use from now on: memory, in bytes beside what it
// has; seconds of CPU; sizes and number of files. It keeps no core.
func confine(memory int64) error {
	debug.SetMemoryLimit(memory * 9 / 10) // collect before the end comes
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return fmt.Errorf("the size of this process: %w", err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		return fmt.Errorf("the size of this process: %w", err)
	}
	// Go reserves more addresses than it uses: what it has now does not count.
	now := pages * uint64(os.Getpagesize())
	for _, limit := range []struct {
		what  int
		bound uint64
	}{
		{syscall.RLIMIT_AS, now + uint64(memory)},
		{syscall.RLIMIT_CPU, uint64(Within.Seconds())},
		{syscall.RLIMIT_FSIZE, 2 * MaxBytes},
		{syscall.RLIMIT_NOFILE, 16},
		{syscall.RLIMIT_CORE, 0},
	} {
		if err := syscall.Setrlimit(limit.what, &syscall.Rlimit{Cur: limit.bound, Max: limit.bound}); err != nil {
			return fmt.Errorf("a limit of this process: %w", err)
		}
	}
	return nil
}
