//go:build !unix

package postgres

import "net"

// hasNews needs a look at the socket that only Unix offers; elsewhere a
// connection is pinged after a second of idleness alone.
func hasNews(net.Conn) bool { return false }
