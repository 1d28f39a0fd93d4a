// Command engine stands in for the two programs of Hasura's images if those cannot be
// pulled: as graphql-engine it serves like the engine, as hasura-cli it applies
// migrations and metadata to it. It takes the engine's own environment, so that the
// compose files, the migrations job and the operator's scripts run unchanged. It is
// only for tests; the product never contains it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := runEngine
	if filepath.Base(os.Args[0]) == "hasura-cli" {
		run = runCLI
	}
	if err := run(ctx, os.Args[1:], os.Environ()); err != nil { //nolint:forbidigo // handed on, read in one place
		fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+":", err)
		os.Exit(1)
	}
}
