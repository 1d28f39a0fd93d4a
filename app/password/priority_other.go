//go:build !linux

package password

// lowerThreadPriority: other systems know no priority of a single thread by
// this call. They are for development, and the hash limiter works all the same.
func lowerThreadPriority() {}
