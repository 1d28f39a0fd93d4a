//go:build !linux

package cmd

// ForgetStart does nothing here.
func ForgetStart() {}
