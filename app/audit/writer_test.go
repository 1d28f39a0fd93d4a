package audit

import (
	"os"
	"strings"
	"testing"
	"time"
)

// A write that fails half-way leaves nothing behind, and nothing is written twice.
func TestWriter_AFullDiskTearsNoLine(t *testing.T) {
	w := &writer{kind: KindRefusals, dir: t.TempDir(), most: 1 << 20, id: "x", now: time.Now}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.file, w.opened = full, time.Now()
	if kept, err := w.add([]byte("first\n"), false); !kept || err == nil {
		t.Fatalf("a full disk: kept %v, %v", kept, err)
	}
	w.shut() // the disk has room again
	if kept, err := w.add([]byte("second\n"), false); !kept || err != nil {
		t.Fatalf("kept %v, %v", kept, err)
	}
	w.takeBack(3)
	if lost := w.close(); len(lost) > 0 {
		t.Errorf("lost %q", lost)
	}
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(w.dir + "/" + files[0].Name())
	if err != nil || string(text) != "first\nsecond\n" {
		t.Errorf("written: %q %v", text, err)
	}
}

func TestWriter_ALostLineIsHandedBack(t *testing.T) {
	w := &writer{kind: KindRefusals, dir: t.TempDir() + "/none", most: 1 << 20, id: "x", now: time.Now}
	for _, line := range []string{"first\n", "second\n"} {
		if kept, err := w.add([]byte(line), false); !kept || err == nil {
			t.Fatalf("no folder: kept %v, %v", kept, err)
		}
	}
	lost := w.close()
	if len(lost) != 2 || strings.TrimSpace(string(lost[1])) != "second" {
		t.Errorf("handed back: %q", lost)
	}
}
