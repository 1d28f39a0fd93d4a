//go:build unix

package audit

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hold marks a segment as one that is being written, until its file is closed.
func hold(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) } // #nosec G115 -- a descriptor fits

// own takes a segment for one write among processes that share it.
func own(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) } // #nosec G115 -- a descriptor fits

// abandoned reports whether no process writes to a segment.
func abandoned(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil } // #nosec G115 -- a descriptor fits

// removed reports whether the file that we write to was deleted.
func removed(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	return ok && status.Nlink == 0
}

// giveToOwnerOf hands a file to the folder's owner: an operator who acts as root must leave
// nothing that the service cannot read. Root's own folder is a volume of Kubernetes, where
// the service is a member of the group. Another user could not give the file to root.
func giveToOwnerOf(dir string, f *os.File) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
