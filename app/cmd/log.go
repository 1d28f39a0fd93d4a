package cmd

import (
	"errors"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hasura-login/app/logsink"
	"hasura-login/app/metrics"
)

// loggers are the loggers of a service; all write to one place.
type loggers struct {
	sink     *logsink.Sink
	requests *zap.Logger // a line a request, in batches, but warnings and errors at once
	direct   *zap.Logger // what must be out soon: starts, stops, errors
}

func newLoggers(w io.Writer, level zapcore.Level, m *metrics.Metrics) loggers {
	l := loggers{}
	l.sink = logsink.New(logsink.Config{Out: w, Dropped: m.LogDropped, Resumed: func(n int) {
		l.direct.Warn("lines of the log were dropped because nothing read it", zap.Int("lines", n))
	}})
	encoder := jsonEncoder()
	batched, urgent := zapcore.AddSync(l.sink), zapcore.AddSync(l.sink.Urgent())
	l.requests = zap.New(byUrgency{zapcore.NewCore(encoder, batched, level), zapcore.NewCore(encoder, urgent, level)})
	l.direct = zap.New(zapcore.NewCore(encoder, urgent, zapcore.InfoLevel))
	return l
}

// byUrgency writes warnings and errors with one core, all else with the other. A
// Tee, whose cores would each take their levels, costs a tenth of a line more.
type byUrgency struct{ routine, urgent zapcore.Core }

func (b byUrgency) of(l zapcore.Level) zapcore.Core {
	if l >= zapcore.WarnLevel {
		return b.urgent
	}
	return b.routine
}

func (b byUrgency) Enabled(l zapcore.Level) bool { return b.of(l).Enabled(l) }

func (b byUrgency) With(fields []zapcore.Field) zapcore.Core {
	return byUrgency{b.routine.With(fields), b.urgent.With(fields)}
}

func (b byUrgency) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return b.of(e.Level).Check(e, to)
}

func (b byUrgency) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return b.of(e.Level).Write(e, fields)
}

func (b byUrgency) Sync() error { return errors.Join(b.routine.Sync(), b.urgent.Sync()) }

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
