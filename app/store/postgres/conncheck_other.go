//go:build !unix

package postgres

import "net"

// hasNews needs a system call that only Unix has. Elsewhere a connection is only pinged
// after it was idle for a second.
func hasNews(net.Conn) bool { return false }
