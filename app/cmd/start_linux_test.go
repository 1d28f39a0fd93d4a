package cmd_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"hasura-login/app/cmd"
)

// programInMemory is how many kB of this program's code and constants the process has mapped.
func programInMemory(t *testing.T) (kB int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	isFixed := false
	for line := range strings.Lines(string(smaps)) {
		if strings.Contains(line, "-") && strings.HasSuffix(strings.TrimSpace(line), program) {
			isFixed = strings.Contains(line, " r-xp ") || strings.Contains(line, " r--p ")
		}
		if rest, ok := strings.CutPrefix(line, "Rss:"); ok && isFixed {
			var n int
			_, _ = fmt.Sscan(rest, &n)
			kB += n
		}
	}
	return kB
}

func TestForgetStart_LeavesOnlyWhatIsUsed(t *testing.T) {
	before := programInMemory(t)
	cmd.ForgetStart()
	if after := programInMemory(t); after >= before*2/3 {
		t.Errorf("%d kB of the program in memory, %d kB before", after, before)
	}
}
