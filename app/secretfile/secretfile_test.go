package secretfile_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/secretfile"
)

func write(t *testing.T, path, value string) {
	t.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(value), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
}

func TestSecret_SeesAReplacedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, "old\n")
	s, err := secretfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Value(); got != "old" {
		t.Fatalf("value %q, want old without its newline", got)
	}
	write(t, path, "new")
	deadline := time.Now().Add(10 * time.Second)
	for s.Value() != "new" {
		if time.Now().After(deadline) {
			t.Fatal("the replaced file was never read")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestSecret_KeepsItsValueWhileTheFileIsGoneOrEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, "kept")
	s, err := secretfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "")
	time.Sleep(1100 * time.Millisecond) // past the moment of the next look
	if got := s.Value(); got != "kept" {
		t.Fatalf("value %q after the file became empty", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	if got := s.Value(); got != "kept" {
		t.Fatalf("value %q after the file went away", got)
	}
}

func TestOpen_RefusesAMissingOrEmptyFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := secretfile.Open(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing file was taken")
	}
	empty := filepath.Join(dir, "empty")
	write(t, empty, "\n")
	if _, err := secretfile.Open(empty); err == nil {
		t.Error("an empty file was taken")
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"":              nil,
		"one":           {"one"},
		"new,old":       {"new", "old"},
		"new\nold\n":    {"new", "old"},
		" new , \n,old": {"new", "old"},
	} {
		if diff := cmp.Diff(want, secretfile.Split(text)); diff != "" {
			t.Errorf("Split(%q): %s", text, diff)
		}
	}
}
