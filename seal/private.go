package seal

import (
	"fmt"
	"io/fs"
	"runtime"
)

// CheckPrivate refuses a key file that others than its owner can read or
// change: whoever read it once has the key for good. One exception is root's:
// where root owns the file and runs nothing here, the group may read it, which
// is how containers and certificate tools hand a key to a service.
func CheckPrivate(file string, info fs.FileInfo) error {
	mode := info.Mode()
	if runtime.GOOS == "windows" || !mode.IsRegular() {
		return nil // there the mode says nothing
	}
	open := mode.Perm() & 0o077
	if open == 0 || open&^0o040 == 0 && ofRootForOthers(info) {
		return nil
	}
	return fmt.Errorf("%s has mode %04o: others than its owner can read or change the key; chmod 600 %s, and replace the key if somebody may have read it",
		file, mode.Perm(), file)
}
