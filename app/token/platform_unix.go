//go:build unix

package token

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryLock takes an exclusive lock that the kernel drops with the process,
// however it ends.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // #nosec G115 -- a descriptor fits
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func writableByOthers(info os.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

func readableByOthers(info os.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// giveToOwnerOf hands a file to the folder's owner: an operator who rotates as
// root must not leave a key that the service cannot read.
func giveToOwnerOf(dir string, f *os.File) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// syncDir makes a rename or removal in the folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the operator's own folder
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
