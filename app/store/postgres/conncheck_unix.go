//go:build unix

package postgres

import (
	"errors"
	"net"
	"syscall"
)

// hasNews tells whether an idle connection's socket has something to read or is
// closed: a server that went away, or said goodbye. A statement written to such
// a connection would be lost without anyone knowing whether it ran, so it is
// pinged first. Looking costs one system call and waits for nothing: Control, not
// Read, because the driver may have left a reader in the background that holds
// the descriptor's lock for reading.
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
