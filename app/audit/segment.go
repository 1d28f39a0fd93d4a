package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A segment is a file of one kind by one writer: kind.start.writer.jsonl. Names
// sort by the time at which the segment was begun.
type segment struct {
	kind     Kind
	begun    time.Time
	path     string
	size     int64
	modified time.Time
}

const (
	segmentSuffix = ".jsonl"
	segmentTime   = "20060102T150405Z"
)

func segmentPath(dir string, k Kind, begun time.Time, writer string) string {
	return filepath.Join(dir, string(k)+"."+begun.UTC().Format(segmentTime)+"."+writer+segmentSuffix)
}

// segments lists the folder, oldest of each kind first. Files that are none of
// the trail are passed over, and so are those that go meanwhile.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the audit trail: %w", err)
	}
	var list []segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		parts := strings.Split(name, ".")
		if !ok || len(parts) != 3 || shares[Kind(parts[0])] == 0 {
			continue
		}
		begun, err := time.Parse(segmentTime, parts[1])
		if err != nil {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the audit trail: %w", err)
		}
		list = append(list, segment{Kind(parts[0]), begun, filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
	}
	slices.SortStableFunc(list, func(a, b segment) int { return a.begun.Compare(b.begun) })
	return list, nil
}

// roomOf is how many bytes a kind may take.
func roomOf(k Kind, maxSize int64) int64 { return maxSize / 100 * shares[k] }

// prune removes segments that were last written before the time given, and the
// oldest of each kind that has more than its room. Those that somebody writes
// stay. displaced counts those that had to go before their time.
func prune(dir string, before time.Time, maxSize int64, displaced func()) error {
	list, err := segments(dir)
	if err != nil {
		return err
	}
	held := map[Kind]int64{}
	for _, s := range list {
		held[s.kind] += s.size
	}
	var failed []error
	for _, s := range list {
		old, crowded := s.modified.Before(before), held[s.kind] > roomOf(s.kind, maxSize)
		if !old && !crowded {
			continue
		}
		gone, err := removeAbandoned(s.path)
		if err != nil {
			failed = append(failed, fmt.Errorf("removing old audit events: %w", err))
		}
		if !gone {
			continue
		}
		held[s.kind] -= s.size
		if !old {
			displaced()
		}
	}
	return errors.Join(failed...)
}

// removeAbandoned removes a segment unless somebody writes it. Another process
// may have been faster.
func removeAbandoned(path string) (gone bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // #nosec G304 -- listed in the operator's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if !abandoned(f) {
		return false, nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, nil
}
