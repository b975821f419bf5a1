package main

import "syscall"

// processAttributes keep a terminal's Ctrl-C from the children, which end in
// order, and end them when their parent dies without a word.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
