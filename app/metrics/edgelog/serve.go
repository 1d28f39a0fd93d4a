package edgelog

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
)

// maxLine is more than nginx writes: its request head is at most 32 KiB.
const maxLine = 64 << 10

// Listen makes the datagram socket that nginx's syslog writes to, in place of
// one that an earlier process left behind. nginx runs as another user, so
// everybody who can enter the folder may write.
func Listen(path string) (net.PacketConn, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the old log socket: %w", err)
	}
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		return nil, fmt.Errorf("listening for the access log: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // #nosec G302 -- a socket to write to; the folder says who can
		_ = conn.Close()
		return nil, fmt.Errorf("opening the log socket to nginx: %w", err)
	}
	return conn, nil
}

// Serve counts datagrams, a log line each, until conn is closed.
func (c *Counter) Serve(conn net.PacketConn) error {
	buffer := make([]byte, maxLine)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the access log: %w", err)
		}
		c.Line(buffer[:n])
	}
}
