package logsink_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hasura-login/app/logsink"
	"hasura-login/app/testserver"
)

type counts struct{ dropped, resumed atomic.Int64 }

func (c *counts) config(out interface{ Write([]byte) (int, error) }) logsink.Config {
	return logsink.Config{Out: out, Dropped: func(n int) { c.dropped.Add(int64(n)) }, Resumed: func(n int) { c.resumed.Add(int64(n)) }}
}

func TestSink_WritesEveryLineInOrder(t *testing.T) {
	var out testserver.Output
	var c counts
	s := logsink.New(c.config(&out))
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&want, "line %d\n", i)
		_, _ = fmt.Fprintf(s, "line %d\n", i)
	}
	s.Close()
	if out.String() != want.String() || c.dropped.Load() != 0 {
		t.Errorf("%d bytes of %d, %d dropped", len(out.String()), want.Len(), c.dropped.Load())
	}
}

func TestSink_AnUrgentLineTakesTheOthersAlongAtOnce(t *testing.T) {
	var out testserver.Output
	var c counts
	s := logsink.New(c.config(&out))
	defer s.Close()
	_, _ = fmt.Fprintln(s, "a request")
	_, _ = fmt.Fprintln(s.Urgent(), "an error")
	begun := time.Now()
	testserver.Eventually(t, "both are written", func() bool { return out.String() == "a request\nan error\n" })
	if took := time.Since(begun); took > 150*time.Millisecond {
		t.Logf("it took %s", took)
	}
}

// Public reports: services hang together with their log collector, because a pipe
// without a reader blocks its writer.
func TestSink_APipeThatNobodyReadsStopsNobody(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var c counts
	s := logsink.New(c.config(write))
	line := []byte(strings.Repeat("x", 999) + "\n")
	var writers sync.WaitGroup
	begun := time.Now()
	for range 4 {
		writers.Go(func() {
			for range 5000 {
				_, _ = s.Write(line)
			}
		})
	}
	writers.Wait()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("20000 lines took %s", took)
	}
	if n := c.dropped.Load(); n < 17_000 || n >= 20_000 {
		t.Errorf("%d of 20000 lines were dropped", n)
	}
	if s.Check() == nil {
		t.Error("nobody is told")
	}
	begun = time.Now()
	s.Close()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the end took %s", took)
	}
}

func TestSink_GoesOnWhenSomebodyReadsAgain(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var c counts
	s := logsink.New(c.config(write))
	line := []byte(strings.Repeat("x", 999) + "\n")
	for range 5000 {
		_, _ = s.Write(line)
	}
	dropped := c.dropped.Load()
	var got bytes.Buffer
	done := make(chan struct{})
	go func() { _, _ = got.ReadFrom(read); close(done) }()
	testserver.Eventually(t, "it is told how many lines are missing", func() bool { return c.resumed.Load() == dropped })
	_, _ = s.Write([]byte("the last\n"))
	s.Close()
	_ = write.Close()
	<-done
	if n := int64(strings.Count(got.String(), "\n")); n+c.dropped.Load() != 5001 || !strings.HasSuffix(got.String(), "x\nthe last\n") {
		t.Errorf("%d lines and %d dropped of 5001", n, c.dropped.Load())
	}
}

func TestSink_AStreamThatIsClosedIsCounted(t *testing.T) {
	var c counts
	s := logsink.New(c.config(closed{}))
	_, _ = s.Write([]byte("one\ntwo\n"))
	s.Close()
	if c.dropped.Load() != 2 || s.Check() == nil {
		t.Errorf("%d lines were counted, %v", c.dropped.Load(), s.Check())
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("closed") }
