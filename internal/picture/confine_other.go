//go:build !linux

package picture

import "runtime/debug"

// confine bounds the memory as far as Go alone can, which is softly: run what takes
// pictures of others on Linux.
func confine(memory int64) error {
	debug.SetMemoryLimit(memory)
	return nil
}
