package project

import (
	"bytes"
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

func replace(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	temporary := name + ".hasura-login"
	if err := root.WriteFile(temporary, content, mode); err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	if err := root.Rename(temporary, name); err != nil {
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
