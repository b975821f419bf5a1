package sqldb

import (
	"syscall"
	"time"
)

// tcpUserTimeout is the socket option TCP_USER_TIMEOUT (tcp(7)): for how long
// what was sent may stay without an answer of the other machine, in ms.
const tcpUserTimeout = 18

func giveUpSilent(network string, c syscall.RawConn, after time.Duration) error {
	if network == "unix" {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(after.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
