// Command dev runs Hasura Login for development; it needs only Go. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"hasura-login/app/cmd"
	"hasura-login/dev/devstack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := devstack.Main(ctx, os.Args[1:], cmd.Environment{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Vars: cmd.Vars(), Version: "dev",
	})
	stop()
	os.Exit(code)
}
