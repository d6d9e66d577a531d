package evidence

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFolderName(t *testing.T) {
	for in, want := range map[string]string{
		"Boot a booted host reaches its API": "boot-a-booted-host-reaches-its-api",
		"../../etc/x":                        "etc-x",
		"version 0.1.0 («new»)":              "version-0.1.0-new",
	} {
		if got := folderName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	long := strings.Repeat("very ", 60)
	a, b := folderName(long+"a"), folderName(long+"b")
	if a == b || len(a) > maxName || len(b) > maxName {
		t.Errorf("long texts: %q, %q", a, b)
	}
	if a, b := folderName("«»"), folderName("„“"); a == "" || a == b {
		t.Errorf("texts without letters: %q, %q", a, b)
	}
}

func TestFolder(t *testing.T) {
	root := t.TempDir()
	f, err := Open(root, "Spec One")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"console.log": "x", "journal.json": ""} {
		if err := f.Write(name, []byte(data)); err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff([]string{"journal.json", "timeline.txt"}, f.Missing("console.log", "journal.json", "timeline.txt")); d != "" {
		t.Errorf("missing (-want +got):\n%s", d)
	}
	if got, _ := os.ReadFile(filepath.Join(root, "spec-one", "console.log")); string(got) != "x" {
		t.Errorf("console.log: %q", got)
	}
	if err := f.Write("no/such/folder", nil); err == nil {
		t.Error("a piece that cannot be written: no error")
	}
	if _, err := Open("", "x"); err == nil || !strings.Contains(err.Error(), "TEST_UNDECLARED_OUTPUTS_DIR") {
		t.Errorf("no root: %v", err)
	}
}

func TestRerunSelectsTheSpec(t *testing.T) {
	spec := "Boot a host (1.0) that isn't well"
	got := Rerun("//vmtests:boot", spec)
	want := `./bazelw test //vmtests:boot --test_output=streamed '--test_arg=-ginkgo.focus=^.*Boot a host \(1\.0\) that isn.t well$'` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	focus := strings.TrimSuffix(got[strings.Index(got, "focus=")+6:], "'\n")
	if !regexp.MustCompile(focus).MatchString(spec) {
		t.Errorf("%s does not match its spec", focus)
	}
	if got := Rerun("", "x"); !strings.Contains(got, "test //... ") {
		t.Errorf("without a target: %s", got)
	}
}

func TestTimeline(t *testing.T) {
	var tl Timeline
	if got := tl.Last(); got != "nothing has happened" {
		t.Errorf("Last: %q", got)
	}
	tl.Add("power on")
	tl.Add("event %s", "RESET")
	if !regexp.MustCompile(`^[\d:.]{12}     0\.000  power on\n[\d:.]{12} +\d+\.\d{3}  event RESET\n$`).MatchString(tl.String()) {
		t.Errorf("String:\n%s", tl.String())
	}
	if got := tl.Last(); got != "event RESET (0.0 s ago)" {
		t.Errorf("Last: %q", got)
	}
}
