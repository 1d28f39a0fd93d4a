package edgelog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Run counts the lines that are appended to the log at path from now on and serves
// /metrics on l, until ctx ends or either fails.
func Run(ctx context.Context, path string, l net.Listener) error {
	c := New()
	log := &follower{path: path, line: c.Line}
	if err := log.skipToEnd(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", c.Handler())
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}

	ctx, stop := context.WithCancelCause(ctx)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("answering scrapes: %w", err))
		}
	}()
	followed := log.follow(ctx)
	_ = server.Close()
	<-served
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return followed
}
