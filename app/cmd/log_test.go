package cmd_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hasura-login/app/cmd"
)

// The encoder is there for speed alone.
func TestLog_LinesAreThoseOfZap(t *testing.T) {
	lines := map[string][]zap.Field{
		"a request": {
			zap.String("id", "f3a1b2c4d5e6f708192a3b4c5d6e7f80"), zap.String("route", "/auth/refresh"), zap.Int("status", 200),
			zap.String("code", ""), zap.Duration("took", 4123456*time.Nanosecond), zap.String("client", "2001:db8::/64"),
		},
		"where it is":     {zap.String("eight", "0123456\n"), zap.String("after", "01234567\t"), zap.String("first", `"1234567`), zap.String("high", "0123456\x80"), zap.String("edge", "!#[]~ \x1f")},
		"no fields":       nil,
		"numbers":         {zap.Int("least", math.MinInt), zap.Int("most", math.MaxInt), zap.Duration("none", 0), zap.Duration("long", 1000*time.Hour), zap.Duration("back", -time.Nanosecond), zap.Duration("least", 1), zap.Duration("near", 1e15-1), zap.Duration("far", 1e15+1), zap.Duration("even", 90*time.Second)},
		"to be escaped":   {zap.String("quote", `a"b`), zap.String("backslash", `a\b`), zap.String("line", "a\nb"), zap.String("nul", "\x00"), zap.String("delete", "\x7f")},
		"a \"message\"":   {zap.String("k", "v")},
		"not ASCII":       {zap.String("name", "Zoë"), zap.String("broken", "\xff\xfe"), zap.String("separator", "\u2028")},
		"other types":     {zap.Bool("yes", true), zap.Error(errors.New("it \"broke\"")), zap.Stringer("for", time.Second), zap.Float64("third", 1.0/3), zap.Strings("list", []string{"a", "b"})},
		"a namespace":     {zap.Namespace("in"), zap.String("k", "v")},
		"a skipped one":   {zap.Skip(), zap.String("k", "v")},
		"no error at all": {zap.Error(nil), zap.String("k", "v")},
	}
	berlin := time.FixedZone("CET", 3600)
	for name, fields := range lines {
		for _, entry := range []zapcore.Entry{
			{Level: zapcore.InfoLevel, Time: time.Date(2026, 11, 26, 4, 30, 0, 120, time.UTC), Message: name},
			{Level: zapcore.ErrorLevel, Time: time.Date(2026, 11, 26, 4, 30, 0, 0, berlin), Message: name, Stack: "main.go"},
			{Level: zapcore.InfoLevel, Time: time.Date(2026, 11, 26, 4, 30, 0, 999999999, time.UTC), Message: name},
			{Level: zapcore.InfoLevel, Time: time.Date(1969, 12, 31, 23, 59, 59, 100000000, berlin), Message: name},
			{Level: zapcore.WarnLevel, Message: name, LoggerName: "l"},
		} {
			got, err := cmd.LineEncoder().EncodeEntry(entry, fields)
			if err != nil {
				t.Fatal(err)
			}
			want, err := cmd.PlainZap().EncodeEntry(entry, fields)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != want.String() {
				t.Errorf("%s is written as\n%snot as\n%s", name, got, want)
			}
		}
	}
}

func TestLog_TimesAreThoseOfZap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- repeatable
	for range 20_000 {
		took := time.Duration(random.Int64N(int64(1) << random.IntN(52)))
		entry := zapcore.Entry{Time: time.Unix(random.Int64N(4e9), random.Int64N(1e9)), Message: "m"}
		got, _ := cmd.LineEncoder().EncodeEntry(entry, []zap.Field{zap.Duration("took", took)})
		want, _ := cmd.PlainZap().EncodeEntry(entry, []zap.Field{zap.Duration("took", took)})
		if got.String() != want.String() {
			t.Fatalf("%s is written as %s", want, got)
		}
	}
}

func TestLog_ALoggerWithFieldsOfItsOwnKeepsThem(t *testing.T) {
	entry := zapcore.Entry{Time: time.Unix(1, 0), Message: "m"}
	encoder := cmd.LineEncoder().Clone()
	encoder.AddInt("own", 1)
	line, err := encoder.EncodeEntry(entry, []zap.Field{zap.String("k", "v")})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"level":"info","time":"1970-01-01T00:00:01Z","msg":"m","own":1,"k":"v"}` + "\n"; line.String() != want {
		t.Errorf("got %s", line)
	}
}

// BenchmarkLog is what the line of a request takes.
func BenchmarkLog(b *testing.B) {
	for name, encoder := range map[string]zapcore.Encoder{"own": cmd.LineEncoder(), "zap": cmd.PlainZap()} {
		b.Run(name, func(b *testing.B) {
			log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zapcore.InfoLevel))
			b.ReportAllocs()
			for b.Loop() {
				log.Info("request", zap.String("id", "f3a1b2c4d5e6f708192a3b4c5d6e7f80"), zap.String("method", "POST"), zap.String("route", "/auth/refresh"),
					zap.Int("status", 200), zap.String("code", ""), zap.Duration("took", 4123456*time.Nanosecond), zap.String("client", "192.0.2.7/32"))
			}
		})
	}
}
