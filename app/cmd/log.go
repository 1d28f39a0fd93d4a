package cmd

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	logBuffer = 64 << 10
	logFlush  = 200 * time.Millisecond
)

func newLogger(w io.Writer, level zapcore.Level) *zap.Logger {
	return zap.New(zapcore.NewCore(jsonEncoder(), zapcore.Lock(zapcore.AddSync(w)), level))
}

// newLoggers returns the request log, whose lines are written in batches (a
// system call a line is a good part of a refresh), and the log for everything
// that must be out at once: audit events, errors, starts and stops. flush
// empties the batch.
func newLoggers(w io.Writer, level zapcore.Level) (requests, direct *zap.Logger, flush func()) {
	out := zapcore.Lock(zapcore.AddSync(w))
	buffered := &zapcore.BufferedWriteSyncer{WS: out, Size: logBuffer, FlushInterval: logFlush}
	batched := zapcore.NewCore(jsonEncoder(), buffered, zap.LevelEnablerFunc(func(l zapcore.Level) bool {
		return l >= level && l < zapcore.WarnLevel
	}))
	urgent := zapcore.NewCore(jsonEncoder(), out, zap.LevelEnablerFunc(func(l zapcore.Level) bool {
		return l >= level && l >= zapcore.WarnLevel
	}))
	requests = zap.New(zapcore.NewTee(batched, urgent))
	direct = zap.New(zapcore.NewCore(jsonEncoder(), out, zapcore.InfoLevel))
	return requests, direct, func() { _ = buffered.Stop() }
}

func jsonEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", StacktraceKey: "stack",
		EncodeTime: func(t time.Time, e zapcore.PrimitiveArrayEncoder) {
			zapcore.RFC3339NanoTimeEncoder(t.UTC(), e)
		},
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
}
