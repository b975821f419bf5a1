//go:build unix

package seal

import (
	"io/fs"
	"os"
	"syscall"
)

// ofRootForOthers reports whether root owns the file and this process is not
// root's.
func ofRootForOthers(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0 && os.Geteuid() != 0
}
