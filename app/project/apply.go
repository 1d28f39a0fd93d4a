package project

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Apply writes the plan below dir. A file is replaced as a whole, and if one cannot be
// written, those before it are brought back.
func (p *Plan) Apply(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for i, c := range p.Changes {
		if err := write(root, c); err != nil {
			err = fmt.Errorf("writing %s: %w", c.Path, err)
			for _, done := range p.Changes[:i] {
				err = errors.Join(err, undo(root, done))
			}
			return err
		}
	}
	return nil
}

func write(root *os.Root, c Change) error {
	name := filepath.FromSlash(c.Path)
	if info, err := root.Lstat(name); err == nil {
		if err := mustBeRegular(c.Path, info); err != nil {
			return err
		}
	}
	now, err := root.ReadFile(name)
	if c.Old == nil && err == nil || c.Old != nil && (err != nil || !bytes.Equal(now, c.Old)) {
		return errors.New("the file has changed meanwhile")
	}
	mode := fs.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return replace(root, name, c.New, mode)
}

// replace writes a new file and puts it in the place of the old one. The new one cannot be
// a link that somebody left there: its name is random, and it must not exist.
func replace(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	temporary := filepath.Join(filepath.Dir(name), ".hasura-login-"+rand.Text())
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return nil
}

func undo(root *os.Root, c Change) error {
	name := filepath.FromSlash(c.Path)
	if c.Old == nil {
		return root.Remove(name)
	}
	info, err := root.Stat(name)
	if err != nil {
		return err
	}
	return replace(root, name, c.Old, info.Mode().Perm())
}
