package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The modes of the ring's folder and of its files, which are written only once.
const (
	folderMode fs.FileMode = 0o700
	keyMode    fs.FileMode = 0o400
)

// Folder is the key ring on disk.
type Folder struct {
	Dir       string
	TokenLife time.Duration    // of access tokens; a retired key is kept that long and a little
	Now       func() time.Time // nil: time.Now
}

// ErrNoRing tells that the folder holds no usable key.
var ErrNoRing = errors.New("no signing key; make one with 'hasura-login keys rotate'")

// Problem is something in the folder that an operator should look at.
type Problem struct {
	File    string `json:"file"` // name in the folder; the folder itself is "."
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

func (f Folder) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

func (f Folder) check() error {
	if f.Dir == "" {
		return errors.New("the folder of the key ring is not set")
	}
	if f.TokenLife < time.Second || f.TokenLife > maxTokenLife {
		return fmt.Errorf("access tokens of %s: 1s to %s are possible", f.TokenLife, maxTokenLife)
	}
	return nil
}

// seen is a key file as last read.
type seen struct {
	info os.FileInfo
	key  *key
	err  error
}

// unchanged tells that a file need not be read again. A replaced file has
// another inode even where size and time are the same.
func (s seen) unchanged(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) && s.info.Size() == info.Size() &&
		s.info.ModTime().Equal(info.ModTime()) && s.info.Mode() == info.Mode()
}

// scan is the folder as one pass over it found it.
type scan struct {
	files    map[string]seen // by name; those whose key is in use, and broken ones
	keys     []*key
	problems []Problem
	unread   error // a key file exists but could not be read at all
}

// scan reads the folder. A key of the previous scan stays if its file has become
// unusable since: it was checked before, and a mistaken chmod must not stop a running
// service. Only removing the file removes the key.
func (f Folder) scan(previous map[string]seen) (scan, error) {
	info, err := os.Stat(f.Dir)
	if err != nil {
		return scan{}, fmt.Errorf("key folder: %w", err)
	}
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return scan{}, fmt.Errorf("key folder: %w", err)
	}
	s := scan{files: make(map[string]seen, len(entries))}
	if writableByOthers(info) {
		s.problems = append(s.problems, Problem{File: ".", Text: fmt.Sprintf("folder has mode %04o: others could add keys; should be %04o", info.Mode().Perm(), folderMode)})
	}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") { // dot files are our lock and half-written keys
			s.add(f.Dir, entry, previous[name])
		}
	}
	return s, nil
}

func (s *scan) add(dir string, entry fs.DirEntry, before seen) {
	name := entry.Name()
	if !isKeyFileName(name) || !entry.Type().IsRegular() {
		s.problems = append(s.problems, Problem{File: name, Text: "not a key of this ring", Ignored: true})
		return
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return // removed since the folder was listed
	}
	now := before
	if err == nil && !before.unchanged(info) {
		now = readKeyFile(dir, name)
	}
	if errors.Is(now.err, fs.ErrNotExist) {
		return
	}
	if now.err != nil {
		problem := Problem{File: name, Text: now.err.Error(), Ignored: true}
		if isReadError(now.err) {
			s.unread = fmt.Errorf("%s: %w", name, now.err)
			now.info = nil // try again next time
		}
		if now.key == nil && before.key != nil {
			now.key = before.key
		}
		if now.key != nil {
			problem.Text += "; the key as read before stays in use"
		}
		s.problems = append(s.problems, problem)
	} else if now.info != nil && readableByOthers(now.info) {
		s.problems = append(s.problems, Problem{File: name, Text: fmt.Sprintf("file has mode %04o, should be %04o", now.info.Mode().Perm(), keyMode)})
	}
	s.files[name] = now
	if now.key != nil {
		s.keys = append(s.keys, now.key)
	}
}

func isReadError(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}

func readKeyFile(dir, name string) seen {
	file, err := os.Open(filepath.Join(dir, name)) // #nosec G304 -- a name found in the folder, checked by pattern
	if err != nil {
		return seen{err: err}
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return seen{err: err}
	}
	data, err := io.ReadAll(io.LimitReader(file, keyFileMaxBytes+1))
	if err != nil {
		return seen{err: err}
	}
	k, err := parseKeyFile(name, data)
	return seen{info: info, key: k, err: err}
}

// load reads the folder for a change. If a key file cannot be read at all (because it
// is another user's), load fails: no decision may rest on only some of the keys.
func (f Folder) load() (scan, error) {
	s, err := f.scan(nil)
	if err == nil {
		err = s.unread
	}
	return s, err
}

// write puts a key file into the folder so that other processes see it whole or
// not at all, and it is on disk when write returns.
func (f Folder) write(name string, data []byte) (err error) {
	temp, err := os.CreateTemp(f.Dir, ".new-*")
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	defer func() {
		if err != nil {
			_ = temp.Close() // the first error is the one that says why
			_ = os.Remove(temp.Name())
			err = fmt.Errorf("writing the key: %w", err)
		}
	}()
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if err := temp.Chmod(keyMode); err != nil {
		return err
	}
	if err := giveToOwnerOf(f.Dir, temp); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), filepath.Join(f.Dir, name)); err != nil {
		return err
	}
	return syncDir(f.Dir)
}

// remove deletes key files for good; one already removed by a replica is fine.
func (f Folder) remove(kids ...string) error {
	for _, kid := range kids {
		if err := os.Remove(filepath.Join(f.Dir, kid+keyFileSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing key %s: %w", kid, err)
		}
	}
	return syncDir(f.Dir)
}

// removeGone deletes the keys whose time is over and returns their names. It decides on
// the present state of the disk, so any number of processes may do it at once.
func (f Folder) removeGone(now time.Time) ([]string, error) {
	s, err := f.scan(nil)
	if err != nil {
		return nil, err
	}
	var kids []string
	for _, k := range newKeySet(s.keys, f.TokenLife).gone(now) {
		kids = append(kids, k.kid)
	}
	if len(kids) == 0 {
		return nil, nil
	}
	return kids, f.remove(kids...)
}

// removeLeftovers deletes what killed processes left half-written. Only the
// holder of the lock writes, so whatever is there is left over.
func (f Folder) removeLeftovers() error {
	leftovers, err := filepath.Glob(filepath.Join(globEscape(f.Dir), ".new-*"))
	if err != nil {
		return err
	}
	for _, path := range leftovers {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a half-written key: %w", err)
		}
	}
	return nil
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
