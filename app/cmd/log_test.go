package cmd_test

import (
	"io"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hasura-login/app/cmd"
)

// BenchmarkLog measures the log line of a request.
func BenchmarkLog(b *testing.B) {
	log := zap.New(zapcore.NewCore(cmd.LineEncoder(), zapcore.AddSync(io.Discard), zapcore.InfoLevel))
	b.ReportAllocs()
	for b.Loop() {
		log.Info("request", zap.String("id", "f3a1b2c4d5e6f708192a3b4c5d6e7f80"), zap.String("method", "POST"), zap.String("route", "/auth/refresh"),
			zap.Int("status", 200), zap.String("code", ""), zap.Duration("took", 4123456*time.Nanosecond), zap.String("client", "192.0.2.7/32"))
	}
}
