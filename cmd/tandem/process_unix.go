//go:build unix && !linux

package main

import "syscall"

// processAttributes keep a terminal's Ctrl-C from the children, which end in
// order.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
