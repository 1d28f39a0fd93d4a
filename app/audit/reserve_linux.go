package audit

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve sees to it that so many bytes more fit into a file, which stays as it is.
func reserve(f *os.File, bytes int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, info.Size(), bytes) // #nosec G115 -- a descriptor fits
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}
