package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written with a unit: 512MiB, 1GiB.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes Size
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(strings.TrimSpace(string(text)), unit.name)
		if n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 22); ok && err == nil && n > 0 {
			*s = Size(n) * unit.bytes
			return nil
		}
	}
	return fmt.Errorf("%q is not a size such as 512MiB or 1GiB", text)
}

func (s Size) String() string {
	for i := len(sizeUnits) - 1; i >= 0; i-- {
		if unit := sizeUnits[i]; s >= unit.bytes && s%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", s/unit.bytes, unit.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
