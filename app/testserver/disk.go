package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SmallDisk is an empty folder on its own file system of that many megabytes. It needs
// root, because it mounts one.
func SmallDisk(t testing.TB, megabytes int) string {
	t.Helper()
	dir := TempDir(t)
	mount := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0755", megabytes), "tmpfs", dir) // #nosec G204 -- a test's own folder
	if out, err := mount.CombinedOutput(); err != nil {
		t.Fatalf("mounting a small disk, which takes root: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil { // #nosec G204 -- as above
			t.Errorf("unmounting %s: %v\n%s", dir, err, out)
		}
	})
	return dir
}

// FillDisk writes a file in dir until the disk is full, and returns what deletes it.
func FillDisk(t testing.TB, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path) // #nosec G304 -- a test's own folder
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for range 1 << 20 {
		if _, err := f.Write(block); err != nil {
			return func() {
				if err := os.Remove(path); err != nil {
					t.Error(err)
				}
			}
		}
	}
	t.Fatal("the disk does not fill up")
	return nil
}
