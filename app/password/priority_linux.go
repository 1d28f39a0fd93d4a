package password

import "golang.org/x/sys/unix"

// workerNiceness weighs a hashing thread at about a tenth of an ordinary one.
const workerNiceness = 10

// lowerThreadPriority applies to the calling thread alone: for Linux a thread id
// is a process id here. Where it is not allowed, the gate works all the same.
func lowerThreadPriority() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), workerNiceness)
}
