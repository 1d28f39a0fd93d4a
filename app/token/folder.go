package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The modes of the ring's folder and of its files, which are written only once.
const (
	folderMode fs.FileMode = 0o700
	keyMode    fs.FileMode = 0o400
)

// Folder is the path of a folder that keeps a ring's key files. Whatever shares the
// folder shares the ring.
type Folder string

func (f Folder) String() string { return "folder " + string(f) }

func (f Folder) check() error {
	if f == "" {
		return errors.New("the folder of the key ring is not set")
	}
	return nil
}

func (f Folder) prepare() error {
	if err := os.MkdirAll(string(f), folderMode); err != nil {
		return fmt.Errorf("key folder: %w", err)
	}
	return nil
}

// unchanged tells that a file need not be read again. A replaced file has
// another inode even where size and time are the same.
func (s seen) unchanged(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) && s.info.Size() == info.Size() &&
		s.info.ModTime().Equal(info.ModTime()) && s.info.Mode() == info.Mode()
}

// scan reads the folder. A key of the previous scan stays if its file has become
// unusable since: it was checked before, and a mistaken chmod must not stop a running
// service. Only removing the file removes the key.
func (f Folder) scan(previous map[string]seen) (scan, error) {
	info, err := os.Stat(string(f))
	if err != nil {
		return scan{}, fmt.Errorf("key folder: %w", err)
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return scan{}, fmt.Errorf("key folder: %w", err)
	}
	s := scan{files: make(map[string]seen, len(entries))}
	if writableByOthers(info) {
		s.problems = append(s.problems, Problem{File: ".", Text: fmt.Sprintf("folder has mode %04o: others could add keys; should be %04o", info.Mode().Perm(), folderMode)})
	}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") { // dot files are our lock and half-written keys
			s.add(string(f), name, previous[name])
		}
	}
	return s, nil
}

// add takes in one file, or what a link leads to: the files of a Kubernetes Secret are
// links, so that all of them change at once.
func (s *scan) add(dir, name string, before seen) {
	var info os.FileInfo
	err := error(nil)
	if isKeyFileName(name) {
		info, err = os.Stat(filepath.Join(dir, name))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // removed since the folder was listed
	case err == nil && (info == nil || !info.Mode().IsRegular()):
		s.problems = append(s.problems, Problem{File: name, Text: "not a key of this ring", Ignored: true})
		return
	}
	now := before
	if err != nil {
		now = seen{err: err}
	} else if !before.unchanged(info) {
		now = readKeyFile(dir, name)
	}
	if errors.Is(now.err, fs.ErrNotExist) {
		return
	}
	if isReadError(now.err) {
		s.unread = fmt.Errorf("%s: %w", name, now.err)
		now.info = nil // try again next time
	}
	if s.keep(name, now, before) && now.info != nil && readableByOthers(now.info) {
		s.problems = append(s.problems, Problem{File: name, Text: fmt.Sprintf("file has mode %04o, should be %04o", now.info.Mode().Perm(), keyMode)})
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

// change implements Shelf under the folder's lock.
func (f Folder) change(do func(scan) (change, error)) error {
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.removeLeftovers(); err != nil {
		return err
	}
	s, err := f.scan(nil)
	if err == nil {
		err = s.unread
	}
	if err != nil {
		return err
	}
	c, err := do(s)
	if err != nil {
		return err
	}
	for _, k := range c.add {
		if err := f.write(k.kid+keyFileSuffix, k.encoded); err != nil {
			return err
		}
	}
	return f.remove(c.drop...)
}

// write puts a key file into the folder so that other processes see it whole or
// not at all, and it is on disk when write returns.
func (f Folder) write(name string, data []byte) (err error) {
	temp, err := os.CreateTemp(string(f), ".new-*")
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
	if err := giveToOwnerOf(string(f), temp); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), filepath.Join(string(f), name)); err != nil {
		return err
	}
	return syncDir(string(f))
}

// remove deletes key files for good; one already removed by a replica is fine.
func (f Folder) remove(kids ...string) error {
	if len(kids) == 0 {
		return nil
	}
	for _, kid := range kids {
		if err := os.Remove(filepath.Join(string(f), kid+keyFileSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing key %s: %w", kid, err)
		}
	}
	return syncDir(string(f))
}

// removeLeftovers deletes what killed processes left half-written. Only the
// holder of the lock writes, so whatever is there is left over.
func (f Folder) removeLeftovers() error {
	leftovers, err := filepath.Glob(filepath.Join(globEscape(string(f)), ".new-*"))
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
