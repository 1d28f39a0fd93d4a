// Command hasura-login is a login service for Hasura; see README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"hasura-login/app/cmd"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
	date    = "unknown" // of the commit
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cmd.Main(ctx, os.Args[1:], cmd.Environment{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Vars: cmd.Vars(), Version: version, Commit: commit, Date: date,
	})
	stop()
	os.Exit(code)
}
