//go:build unix

package postgres

import (
	"errors"
	"net"
	"syscall"
)

// hasNews reports whether an idle connection's socket has something to read or is
// closed, because the server went away or sent its last message. If a statement were
// written to such a connection, no one could say whether it ran, so the connection is
// pinged first. The check is one system call that does not block. It uses Control, not
// Read, because the driver may have left a reader in the background that holds the
// descriptor's read lock.
func hasNews(conn net.Conn) bool {
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	err = raw.Control(func(fd uintptr) {
		var peeked [1]byte
		_, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	})
	return err != nil || !quiet
}
