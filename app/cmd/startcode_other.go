//go:build !linux

package cmd

func forgetStartCode() {}
