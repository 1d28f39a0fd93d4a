package token

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Keys are the key files of a ring. Rotate, Revoke and List are the operator's verbs.
type Keys struct {
	Shelf     Shelf
	TokenLife time.Duration    // of access tokens; a retired key is kept that long and a little
	Now       func() time.Time // nil: time.Now
}

// Shelf keeps key files, for any number of processes at once: a Folder, or Sealed.
type Shelf interface {
	fmt.Stringer
	check() error
	// prepare makes the shelf itself, if that is missing.
	prepare() error
	// scan reads the files. A key of the previous scan stays if its file has become
	// unusable since: it was checked before, and a mistaken chmod or secret must not stop a
	// running service. Only removing the file removes the key.
	scan(previous map[string]seen) (scan, error)
	// change calls do with the present files and makes the change that it returns: it adds
	// first, then drops. No one else changes the shelf meanwhile. If a key file cannot be
	// read at all, change fails: no decision may rest on only some of the keys.
	change(do func(scan) (change, error)) error
	// remove deletes key files for good. Files that are gone already are fine.
	remove(kids ...string) error
}

// change is what a verb does to a shelf.
type change struct {
	add  []*key
	drop []string // kids
}

// ErrNoRing tells that there is no usable key.
var ErrNoRing = errors.New("no signing key; make one with 'hasura-login keys rotate'")

// Problem is something in the ring that an operator should look at.
type Problem struct {
	File    string `json:"file"` // name of a key file; the shelf itself is "."
	Text    string `json:"text"`
	Ignored bool   `json:"ignored"` // the file's content is not in use
	Solved  bool   `json:"solved,omitempty"`
}

func (p Problem) String() string {
	text := p.File + ": " + p.Text
	switch {
	case p.Solved:
		return text + " (solved)"
	case p.Ignored:
		return text + " (ignored)"
	default:
		return text
	}
}

func (k Keys) now() time.Time {
	if k.Now != nil {
		return k.Now()
	}
	return time.Now()
}

func (k Keys) check() error {
	if k.TokenLife < time.Second || k.TokenLife > maxTokenLife {
		return fmt.Errorf("access tokens of %s: 1s to %s are possible", k.TokenLife, maxTokenLife)
	}
	return k.Shelf.check()
}

// load reads the ring and insists on a usable key.
func (k Keys) load() (scan, error) {
	if err := k.check(); err != nil {
		return scan{}, err
	}
	s, err := k.Shelf.scan(nil)
	return s, noRing(k.Shelf, s, err)
}

// noRing turns "no usable key" into ErrNoRing with the reasons.
func noRing(shelf Shelf, s scan, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (%s does not exist)", ErrNoRing, shelf)
	case err != nil:
		return err
	case s.unread != nil && len(s.keys) == 0:
		return fmt.Errorf("no readable key in %s: %w", shelf, s.unread)
	case len(s.keys) == 0 && len(s.problems) > 0:
		return fmt.Errorf("%w (%s has no usable key: %s)", ErrNoRing, shelf, s.problems[0])
	case len(s.keys) == 0:
		return fmt.Errorf("%w (%s is empty)", ErrNoRing, shelf)
	}
	return nil
}

// removeGone deletes the keys whose time is over and returns their names. It decides on
// the present state of the shelf, so any number of processes may do it at once.
func (k Keys) removeGone(now time.Time) ([]string, error) {
	s, err := k.Shelf.scan(nil)
	if err != nil {
		return nil, err
	}
	var kids []string
	for _, gone := range newKeySet(s.keys, k.TokenLife).gone(now) {
		kids = append(kids, gone.kid)
	}
	if len(kids) == 0 {
		return nil, nil
	}
	return kids, k.Shelf.remove(kids...)
}

// seen is a key file as last read.
type seen struct {
	info   fs.FileInfo // in a Folder
	sealed []byte      // in a table
	key    *key
	err    error
}

// scan is the ring as one look at its files found it.
type scan struct {
	files    map[string]seen // by name; those whose key is in use, and broken ones
	keys     []*key
	problems []Problem
	unread   error // a key file exists but could not be read at all
}

// keep takes in a file as it is now and was before, and reports whether it is in order.
func (s *scan) keep(name string, now, before seen) bool {
	if now.err != nil {
		problem := Problem{File: name, Text: now.err.Error(), Ignored: true}
		if now.key == nil && before.key != nil {
			now.key = before.key
		}
		if now.key != nil {
			problem.Text += "; the key as read before stays in use"
		}
		s.problems = append(s.problems, problem)
	}
	s.files[name] = now
	if now.key != nil {
		s.keys = append(s.keys, now.key)
	}
	return now.err == nil
}
