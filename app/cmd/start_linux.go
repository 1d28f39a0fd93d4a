package cmd

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ForgetStart takes the program's code and constants out of this process's memory, where
// the initialization of each package has put them. What is used again comes back from the
// page cache, and the kernel can drop the rest: some 8 MB. It is a hint, so errors do not
// matter.
func ForgetStart() {
	program, err := os.Executable()
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = smaps.Close() }()
	var from, to uintptr
	ofProgram := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		var begin, end uintptr
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &begin, &end, &access); err == nil {
			from, to = begin, end
			ofProgram = strings.HasPrefix(access, "r-") && strings.HasSuffix(lines.Text(), " "+program)
		}
		// Nothing is lost if no page differs from the file's.
		if rest, ok := strings.CutPrefix(lines.Text(), "Anonymous:"); ok && ofProgram && strings.TrimSpace(rest) == "0 kB" {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
