//go:build unix

package postgres

import (
	"net"
	"syscall"
)

// hasNews tells whether an idle connection's socket has something to read or is
// closed: a server that went away, or said goodbye. A statement written to such
// a connection would be lost without anyone knowing whether it ran, so it is
// pinged first. Looking costs one system call and waits for nothing.
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
	err = raw.Read(func(fd uintptr) bool {
		var peeked [1]byte
		_, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
		return true
	})
	return err != nil || !quiet
}
