package cmd

import (
	"errors"
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

// loggers are what a service writes its lines with; all go to one place.
type loggers struct {
	requests *zap.Logger // a line a request
	routine  *zap.Logger // audit events that every refresh has
	direct   *zap.Logger // what must be out at once: other audit events, errors, starts and stops
	flush    func()      // empties the batch
}

// newLoggers makes them. Lines of requests and routine are written in batches: a
// system call a line is a good part of a refresh. A killed process loses the
// last flush interval of them and nothing of direct.
func newLoggers(w io.Writer, level zapcore.Level) loggers {
	out := zapcore.Lock(zapcore.AddSync(w))
	buffered := &zapcore.BufferedWriteSyncer{WS: out, Size: logBuffer, FlushInterval: logFlush}
	encoder := jsonEncoder()
	return loggers{
		requests: zap.New(byUrgency{zapcore.NewCore(encoder, buffered, level), zapcore.NewCore(encoder, out, level)}),
		routine:  zap.New(zapcore.NewCore(encoder, buffered, zapcore.InfoLevel)),
		direct:   zap.New(zapcore.NewCore(encoder, out, zapcore.InfoLevel)),
		flush:    func() { _ = buffered.Stop() },
	}
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

func jsonEncoder() zapcore.Encoder { return &lineEncoder{zapEncoder()} }

func zapEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", StacktraceKey: "stack",
		EncodeTime: func(t time.Time, e zapcore.PrimitiveArrayEncoder) {
			zapcore.RFC3339NanoTimeEncoder(t.UTC(), e)
		},
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
}
