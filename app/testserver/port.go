package testserver

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// Test programs run at the same time, and a server listens on its port only some time
// after it got the number. Each program uses ports from its own blocks, so that no
// other program takes the port in between. All blocks are below the range that Linux
// uses for outgoing connections and for port 0 (32768 and up).
const (
	firstBlock = 10000
	blockSize  = 100
	blocksEnd  = 32700
)

var ports struct {
	sync.Mutex
	next, end int            // the rest of the newest block
	owned     []net.Listener // on the first port of each block: the listener there owns the block
}

// FreePort returns a loopback TCP port that nothing listens on and that no other call
// gets, in this program or in another.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for {
		if ports.next == ports.end && !ownBlock() {
			t.Fatal("no loopback ports are left to test with")
		}
		port := ports.next
		ports.next++
		l, err := net.Listen("tcp", Addr(port))
		if err != nil {
			continue // another program's
		}
		_ = l.Close()
		return port
	}
}

// ownBlock takes the next block of ports that is free, until this program ends.
func ownBlock() bool {
	for first := max(firstBlock, ports.end); first < blocksEnd; first += blockSize {
		l, err := net.Listen("tcp", Addr(first))
		if err != nil {
			continue
		}
		ports.owned = append(ports.owned, l)
		ports.next, ports.end = first+1, first+blockSize
		return true
	}
	return false
}

// Addr formats a loopback address.
func Addr(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
