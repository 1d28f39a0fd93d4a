package cmd

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"hasura-login/app/metrics/edgelog"
)

func edgeMetricsCommand(_ Environment) *cobra.Command {
	var log, address string
	c := verb("edge-metrics", "Count nginx's access log for Prometheus, next to nginx", func(ctx context.Context, _ []string) error {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("--listen: %w", err)
		}
		return edgelog.Run(ctx, log, ln)
	})
	c.Flags().StringVar(&log, "log", "/var/log/edge/access.log", "the access log to follow")
	c.Flags().StringVar(&address, "listen", ":9114", "the address that serves /metrics")
	return c
}
