package password

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// workerNiceness weighs a hashing thread at about a tenth of an ordinary one.
	workerNiceness = 10
	// workerSlice is how long a hashing thread may finish its turn before one
	// that wakes up takes its place; the kernel's own is some 3 ms. Kernels
	// before 6.12 ignore it.
	workerSlice = 100 * time.Microsecond
)

// lowerThreadPriority applies only to the calling thread. If it is not permitted, the
// hash limiter works anyway.
func lowerThreadPriority() {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Nice: workerNiceness, Runtime: uint64(workerSlice.Nanoseconds())}, 0) // #nosec G115 -- a positive constant
}
