//go:build unix

package main

import (
	"os"
	"syscall"
)

// tryLock locks a file for as long as it is open.
func tryLock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// privateFiles makes every file that is made from now on this user's alone,
// unless its mode is set.
func privateFiles() { syscall.Umask(0o077) }
