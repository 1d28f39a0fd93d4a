package cmd

import (
	"fmt"
	"hasura-login/app/transfer"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

type countedReader struct {
	in   io.Reader
	read int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.read += int64(n)
	return n, err
}

// progress shows how far a file is read: a bar on a terminal, now and then a line
// elsewhere.
type progress struct {
	out      io.Writer
	in       *countedReader
	size     int64
	terminal bool
	begun    time.Time
	last     time.Time
}

func newProgress(out io.Writer, in *countedReader, size int64) *progress {
	p := &progress{out: out, in: in, size: size, begun: time.Now(), last: time.Now()}
	if f, ok := out.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd()))
	}
	return p
}

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 10 * time.Second
	barWidth  = 30
)

func (p *progress) show(n transfer.Counts) {
	now := time.Now()
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	text := p.text(n, now.Sub(p.begun))
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(p.out, text)
	}
}

func (p *progress) text(n transfer.Counts, took time.Duration) string {
	rate := float64(n.Read) / took.Seconds()
	text := fmt.Sprintf("%s, %.0f/s, %d rejected", counted(n.Read, "record", "records"), rate, n.Rejected)
	if p.size <= 0 || p.in.read <= 0 {
		return text
	}
	done := min(1, float64(p.in.read)/float64(p.size))
	left := time.Duration(float64(took) * (1 - done) / done).Round(time.Second)
	text = fmt.Sprintf("%3.0f %%  %s, %s left", 100*done, text, left)
	if p.terminal {
		full := int(done * barWidth)
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] " + text
	}
	return text
}

// end leaves the bar, so that the next output starts on a new line.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
