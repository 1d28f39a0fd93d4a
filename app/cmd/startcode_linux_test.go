package cmd_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"hasura-login/app/cmd"
)

// codeInMemory is how many kB of this program's code the process has mapped.
func codeInMemory(t *testing.T) (kB int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	isCode := false
	for line := range strings.Lines(string(smaps)) {
		if strings.Contains(line, "-") && strings.HasSuffix(strings.TrimSpace(line), program) {
			isCode = strings.Contains(line, " r-xp ")
		}
		if rest, ok := strings.CutPrefix(line, "Rss:"); ok && isCode {
			var n int
			_, _ = fmt.Sscan(rest, &n)
			kB += n
		}
	}
	return kB
}

func TestForgetStartCode_LeavesOnlyCodeThatRuns(t *testing.T) {
	before := codeInMemory(t)
	cmd.ForgetStartCode()
	if after := codeInMemory(t); after >= before*3/4 {
		t.Errorf("%d kB of code in memory, %d kB before", after, before)
	}
}
