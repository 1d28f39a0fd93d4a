package httpapi

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// callerContext reports in Err, not in Done, that the caller has closed the connection:
// Fiber does not watch the connection while a handler runs, and code that is about to
// spend a core on an answer can ask first.
type callerContext struct {
	context.Context
	conn net.Conn
}

func (c callerContext) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if hungUp(c.conn) {
		return context.Canceled
	}
	return nil
}

func hungUp(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} // #nosec G115 -- descriptors are small
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
