package token

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	lockName  = ".lock"
	lockWait  = 10 * time.Second // a change takes milliseconds
	lockRetry = 20 * time.Millisecond
)

// lock keeps other processes from changing the folder until unlock is called.
func (f Folder) lock() (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(string(f), lockName), os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the operator's own folder
	if err != nil {
		return nil, fmt.Errorf("locking the key folder: %w", err)
	}
	if err := giveToOwnerOf(string(f), file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("locking the key folder: %w", err)
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockRetry) {
		locked, err := tryLock(file)
		if locked {
			return func() { _ = file.Close() }, nil // which drops the lock
		}
		if err == nil && time.Now().After(deadline) {
			err = fmt.Errorf("another process has been changing it for %s", lockWait)
		}
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("locking the key folder: %w", err)
		}
	}
}
