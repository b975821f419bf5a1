//go:build unix

package agent

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// openFile opens a file that is no symbolic link. One that is a pipe does not keep
// the agent waiting.
func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// ownerOf is the account of the machine that a file belongs to.
func ownerOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "account " + id
}
