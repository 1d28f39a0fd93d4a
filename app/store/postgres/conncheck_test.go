//go:build unix

package postgres_test

import (
	"net"
	"testing"
	"time"

	"hasura-login/app/store/postgres"
)

// After a slow write, the driver leaves a reader in the background; the check must not
// queue behind it.
func TestHasNews_WaitsForNothing(t *testing.T) {
	conn, peer := tcpPair(t)
	go func() { _, _ = conn.Read(make([]byte, 1)) }()
	time.Sleep(10 * time.Millisecond) // so that the reader has most likely started
	answer := make(chan bool, 1)
	go func() { answer <- postgres.HasNews(conn) }()
	select {
	case news := <-answer:
		if news {
			t.Error("a silent connection has news")
		}
	case <-time.After(30 * time.Second):
		_ = peer.Close()
		t.Fatal("looking waits for the reader")
	}
}

func TestHasNews_SeesDataAndTheEnd(t *testing.T) {
	conn, peer := tcpPair(t)
	if postgres.HasNews(conn) {
		t.Error("a silent connection has news")
	}
	if _, err := peer.Write([]byte("goodbye")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "data", func() bool { return postgres.HasNews(conn) })
	if n, err := conn.Read(make([]byte, 64)); n != len("goodbye") || err != nil {
		t.Errorf("read %d bytes, %v: looking took some", n, err)
	}
	if postgres.HasNews(conn) {
		t.Error("a connection that was read has news")
	}
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end", func() bool { return postgres.HasNews(conn) })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if !postgres.HasNews(conn) {
		t.Error("a closed connection has no news")
	}
}

func tcpPair(t *testing.T) (conn, peer net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conn, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), peer.Close() })
	return conn, peer
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
