package edgelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	// interval is how often the file is looked at: far below a scrape's, far
	// above what looking costs.
	interval = 200 * time.Millisecond
	// maxLine is more than nginx writes: its request head is at most 32 KiB.
	maxLine = 64 << 10
)

// follower hands over the lines that are appended to a log. The file may be
// missing at first, emptied in place, or replaced.
type follower struct {
	path   string
	line   func([]byte)
	file   *os.File // nil as long as there is none
	offset int64
	rest   []byte // of a line whose end is not written yet
}

// follow reads what comes until ctx ends.
func (f *follower) follow(ctx context.Context) error {
	defer f.close()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := f.read(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// skipToEnd skips the existing lines: if they were counted after a restart, they would
// look like a burst.
func (f *follower) skipToEnd() error {
	if err := f.open(); err != nil || f.file == nil {
		return err
	}
	end, err := f.file.Seek(0, io.SeekEnd)
	f.offset = end
	return err
}

// read hands over new lines.
func (f *follower) read() error {
	if err := f.open(); err != nil || f.file == nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the access log: %w", err)
	}
	if info.Size() < f.offset {
		f.offset, f.rest = 0, nil
	}
	buffer := make([]byte, maxLine)
	for {
		n, err := f.file.ReadAt(buffer, f.offset)
		f.offset += int64(n)
		f.lines(buffer[:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the access log: %w", err)
		}
	}
}

// lines hands over every whole line and keeps the rest. A rest too long for a line
// is let go; the remainder of that line then counts as malformed.
func (f *follower) lines(chunk []byte) {
	f.rest = append(f.rest, chunk...)
	for {
		line, after, found := bytes.Cut(f.rest, []byte{'\n'})
		if !found {
			break
		}
		f.line(line)
		f.rest = after
	}
	if len(f.rest) > maxLine {
		f.rest = nil
	}
	f.rest = bytes.Clone(f.rest) // else the array behind it grows for ever
}

// open opens the file that has the path now, unless it is the one already open.
func (f *follower) open() error {
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the access log: %w", err)
	}
	if f.file != nil {
		if open, err := f.file.Stat(); err == nil && os.SameFile(open, now) {
			return nil
		}
		f.close()
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the access log: %w", err)
	}
	f.file, f.offset, f.rest = file, 0, nil
	return nil
}

func (f *follower) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}
