package testserver

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// Test programs run beside each other, and a server listens on its port some time
// after it was told which. So that nobody takes the port meanwhile, each program
// gives out ports of blocks that are its own, and all of them lie below those that
// Linux gives to outgoing connections and to who asks for any (32768 and up).
const (
	firstBlock = 10000
	blockSize  = 100
	blocksEnd  = 32700
)

var ports struct {
	sync.Mutex
	next, end int            // what is left of the newest block
	owned     []net.Listener // on the first port of each block: whoever listens there has it
}

// FreePort returns a loopback TCP port that nothing listens on and that no other
// call, of this program or of one beside it, is told.
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
