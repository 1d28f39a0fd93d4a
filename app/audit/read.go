package audit

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"hasura-login/app/login"
)

// Filter says which events are wanted; a zero field matches every event.
type Filter struct {
	Since   time.Time
	User    string // id
	Client  netip.Addr
	Event   login.EventName
	Request string
	Kinds   []Kind
}

// Read calls found for each event of the folder that is wanted, oldest first.
// It holds a line of each segment in memory, however much there is. Lines that
// a crash tore are passed over.
func Read(ctx context.Context, dir string, f Filter, found func(Line) error) error {
	list, err := segments(dir)
	if err != nil {
		return err
	}
	var open readers
	defer func() {
		for _, r := range open {
			_ = r.file.Close()
		}
	}()
	for _, s := range list {
		if s.modified.Before(f.Since) || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, s.kind) {
			continue
		}
		r, err := newReader(s.path, f)
		if errors.Is(err, fs.ErrNotExist) { // it was old
			continue
		}
		if err != nil {
			return err
		}
		open = append(open, r)
	}
	for i := 0; i < len(open); {
		more, err := open[i].next()
		if err != nil {
			return err
		}
		if more {
			i++
			continue
		}
		_ = open[i].file.Close()
		open = slices.Delete(open, i, i+1)
	}
	return open.merge(ctx, found)
}

// merge calls found in the order of time.
func (h *readers) merge(ctx context.Context, found func(Line) error) error {
	heap.Init(h)
	for h.Len() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := (*h)[0]
		if err := found(first.line); err != nil {
			return err
		}
		more, err := first.next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(h, 0)
			continue
		}
		_ = first.file.Close()
		heap.Pop(h)
	}
	return nil
}

// reader walks over the wanted lines of one segment.
type reader struct {
	file   *os.File
	lines  *bufio.Reader
	filter Filter
	quick  [][]byte // a text that the line contains
	line   Line
}

func newReader(path string, f Filter) (*reader, error) {
	file, err := os.Open(path) // #nosec G304 -- listed in the operator's own folder
	if err != nil {
		return nil, err
	}
	r := &reader{file: file, lines: bufio.NewReaderSize(file, 16<<10), filter: f}
	for _, text := range []string{f.User, string(f.Event), f.Request} {
		if text != "" {
			r.quick = append(r.quick, []byte(`"`+text+`"`))
		}
	}
	return r, nil
}

// next goes to the next line that is wanted.
func (r *reader) next() (bool, error) {
	for {
		text, err := r.lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) { // none of ours
			continue
		}
		if err != nil {
			return false, fmt.Errorf("reading the audit trail: %w", err)
		}
		if slices.ContainsFunc(r.quick, func(part []byte) bool { return !bytes.Contains(text, part) }) {
			continue
		}
		r.line = Line{}
		if json.Unmarshal(text, &r.line) == nil && r.filter.wants(r.line) {
			return true, nil
		}
	}
}

func (f Filter) wants(l Line) bool {
	return !l.Time.Before(f.Since) &&
		(f.User == "" || l.User == f.User || l.Member == f.User) &&
		(f.Event == "" || l.Event == f.Event) &&
		(f.Request == "" || l.ID == f.Request) &&
		(!f.Client.IsValid() || covers(l.Client, f.Client))
}

func covers(prefix string, a netip.Addr) bool {
	p, err := netip.ParsePrefix(prefix)
	return err == nil && p.Contains(a.Unmap())
}

// readers is a heap, the earliest line first.
type readers []*reader

func (h readers) Len() int           { return len(h) }
func (h readers) Less(i, j int) bool { return h[i].line.Time.Before(h[j].line.Time) }
func (h readers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *readers) Push(x any)        { *h = append(*h, x.(*reader)) }
func (h *readers) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
