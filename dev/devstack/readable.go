package devstack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// logTo is where the log goes: as JSON, or as lines for a person if it is a terminal.
func logTo(w io.Writer) io.Writer {
	file, ok := w.(*os.File)
	if !ok {
		return w
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return w
	}
	return readable{w}
}

// readable turns the log's lines of JSON into ones that a person reads. Others pass.
type readable struct{ w io.Writer }

func (r readable) Write(lines []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(lines) {
		out.WriteString(forPeople(line))
	}
	if _, err := r.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// quiet are the routes that machines ask all the time, so their requests are not shown.
var quiet = []string{"/.well-known/jwks.json", "/healthz"}

func forPeople(line []byte) string {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		return string(line)
	}
	take := func(name string) string {
		value, ok := fields[name]
		delete(fields, name)
		if !ok || value == "" {
			return ""
		}
		return fmt.Sprint(value)
	}
	at, _ := time.Parse(time.RFC3339Nano, take("time"))
	level, message := take("level"), take("msg")
	var b strings.Builder
	b.WriteString(at.Local().Format("15:04:05"))
	if level != "info" {
		b.WriteString(" " + strings.ToUpper(level))
	}
	if message == "request" {
		route, status := take("route"), take("status")
		if slices.Contains(quiet, route) && status == "200" {
			return ""
		}
		seconds, _ := fields["took"].(float64)
		delete(fields, "took")
		fmt.Fprintf(&b, "  %-6s %s  %s  %.1f ms", take("method"), route, status, seconds*1000)
		if code := take("code"); code != "" {
			b.WriteString("  " + code)
		}
	} else {
		b.WriteString("  " + message)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if value := take(name); value != "" && name != "id" {
			fmt.Fprintf(&b, "  %s=%s", name, value)
		}
	}
	return b.String() + "\n"
}
