package bootrecord

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	first = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later = first.Add(48 * time.Hour)
)

func TestCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boot.json")
	for i, step := range []struct {
		boot string
		now  time.Time
		want Record
	}{
		{"a", first, Record{"a", 1, first}},
		{"a", later, Record{"a", 1, first}}, // the daemon was restarted
		{"b", later, Record{"b", 2, first}},
		{"c", first.Add(-time.Hour), Record{"c", 3, first}}, // the clock went back
	} {
		got, err := Count(path, step.boot, step.now)
		if d := cmp.Diff(step.want, got); d != "" || err != nil {
			t.Errorf("step %d: %v (-want +got):\n%s", i, err, d)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v), want boot.json alone", entries, err)
	}
}

func TestCountDamaged(t *testing.T) {
	for _, content := range []string{"", "{", `{"boot_id":"x","count":0}`, `{"count":3}`, `[]`} {
		path := filepath.Join(t.TempDir(), "boot.json")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Count(path, "a", first)
		if !errors.Is(err, errCorrupt) {
			t.Errorf("%q: error %v, want %v", content, err, errCorrupt)
		}
		if d := cmp.Diff(Record{"a", 1, first}, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", content, d)
		}
		if b, err := os.ReadFile(path + ".bad"); string(b) != content || err != nil {
			t.Errorf("kept aside %q (%v), want %q", b, err, content)
		}
		if again, err := Count(path, "a", later); err != nil || again != got {
			t.Errorf("%q: second call %+v, %v", content, again, err)
		}
	}
}

func TestCountUnwritable(t *testing.T) {
	got, err := Count(filepath.Join(t.TempDir(), "missing", "boot.json"), "a", first)
	if err == nil {
		t.Error("no error for a folder that is not there")
	}
	if d := cmp.Diff(Record{"a", 1, first}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
