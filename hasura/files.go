package hasura

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Files is a file system in memory: contents by path. Its folders follow from the paths.
type Files map[string][]byte

// CopyFrom adds all files of another file system.
func (f Files) CopyFrom(from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f[name], err = fs.ReadFile(from, name)
		return err
	})
}

// Open implements fs.FS.
func (f Files) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if content, ok := f[name]; ok {
		return &file{Reader: bytes.NewReader(content), info: info{name: path.Base(name), size: len(content)}}, nil
	}
	below := name + "/"
	if name == "." {
		below = ""
	}
	inside := map[string]fs.DirEntry{}
	for full, content := range f {
		rest, ok := strings.CutPrefix(full, below)
		if !ok {
			continue
		}
		entry, _, folder := strings.Cut(rest, "/")
		i := info{name: entry, folder: folder}
		if !folder {
			i.size = len(content)
		}
		inside[entry] = fs.FileInfoToDirEntry(i)
	}
	if len(inside) == 0 && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	d := &folder{info: info{name: path.Base(name), folder: true}}
	for _, entry := range inside {
		d.entries = append(d.entries, entry)
	}
	slices.SortFunc(d.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return d, nil
}

type info struct {
	name   string
	size   int
	folder bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(i.size) }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.folder }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type file struct {
	*bytes.Reader
	info info
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

type folder struct {
	info    info
	entries []fs.DirEntry
}

func (d *folder) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *folder) Close() error               { return nil }

func (d *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	read := d.entries[:n]
	d.entries = d.entries[n:]
	return read, nil
}
