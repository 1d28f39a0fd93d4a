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

func TestOpen_TakesWhatEditorsWrite(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string // empty: refused
	}{
		"a byte order mark":      {"\xef\xbb\xbfsecret", "secret"},
		"Windows' line end":      {"secret\r\n", "secret"},
		"blanks and empty lines": {"secret \t\n\n \r\n", "secret"},
		"several":                {"\xef\xbb\xbfone\r\ntwo\r\n", "one\r\ntwo"},
		"a mark alone":           {"\xef\xbb\xbf\n", ""},
		"UTF-16, little endian":  {"\xff\xfes\x00e\x00", ""},
		"UTF-16, big endian":     {"\xfe\xff\x00s\x00e", ""},
		"UTF-16 without a mark":  {"s\x00e\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			write(t, path, c.text)
			s, err := secretfile.Open(path)
			if got := s.Value(); got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
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

func TestMatches(t *testing.T) {
	for name, c := range map[string]struct {
		presented string
		secrets   []string
		want      bool
	}{
		"the only one":              {"one", []string{"one"}, true},
		"the one before":            {"old", []string{"new", "old"}, true},
		"another":                   {"other", []string{"new", "old"}, false},
		"the beginning of one":      {"on", []string{"one"}, false},
		"nothing, and none is set":  {"", nil, false},
		"nothing, and one is empty": {"", []string{"", "one"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := secretfile.Matches(c.presented, c.secrets); got != c.want {
				t.Errorf("got %t", got)
			}
		})
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
