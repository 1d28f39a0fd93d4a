//go:build !linux

package httpapi

import (
	"context"
	"net"
)

// callerContext cannot tell here whether the caller has hung up.
type callerContext struct {
	context.Context
	_ net.Conn
}
