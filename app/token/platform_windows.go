//go:build windows

package token

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes an exclusive lock that the system drops with the process,
// however it ends.
func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// Permission bits and owners say nothing here, and folders cannot be synced.

func writableByOthers(os.FileInfo) bool { return false }

func readableByOthers(os.FileInfo) bool { return false }

func giveToOwnerOf(string, *os.File) error { return nil }

func syncDir(string) error { return nil }
