package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes the named files, given as name and text in turn, in a new
// folder that is the working directory until the test ends.
func write(t *testing.T, nameAndText ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for i := 0; i < len(nameAndText); i += 2 {
		if err := os.WriteFile(nameAndText[i], []byte(nameAndText[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// kconfig runs a command line and returns its status and what it printed.
func kconfig(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestMergeLastWinsAndSaysSo(t *testing.T) {
	write(t,
		"base.config", "CONFIG_B=y\nCONFIG_A=m\nCONFIG_SAME=y\n",
		"vm.config", "# off here\n# CONFIG_A is not set\nCONFIG_SAME=y\nCONFIG_NAME=\"slip\"\n")
	status, stdout, stderr := kconfig("merge", "--out", "merged.config", "base.config", "vm.config")
	if status != 0 || stdout != "" {
		t.Fatalf("got status %d, stdout %q, stderr %q, want 0 and no output", status, stdout, stderr)
	}
	wantNote := "kconfig: vm.config:2: # CONFIG_A is not set overrides CONFIG_A=m of base.config:2\n"
	if diff := cmp.Diff(wantNote, stderr); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	got, err := os.ReadFile("merged.config")
	if err != nil {
		t.Fatal(err)
	}
	want := "# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_NAME=\"slip\"\nCONFIG_SAME=y\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("merged file (-want +got):\n%s", diff)
	}
}

func TestMergeWritesNothingFromBrokenFragments(t *testing.T) {
	write(t, "a.config", "CONFIG_A=maybe\n", "b.config", "CONFIG_B=y\n", "c.config", "CONFIG C\n")
	status, _, stderr := kconfig("merge", "--out", "merged.config", "a.config", "b.config", "c.config", "absent.config")
	if status != 1 {
		t.Errorf("got status %d, want 1", status)
	}
	for _, want := range []string{"a.config:1: ", "c.config:1: ", "absent.config"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not name %q:\n%s", want, stderr)
		}
	}
	if _, err := os.Stat("merged.config"); !os.IsNotExist(err) {
		t.Errorf("merged.config: got %v, want that it does not exist", err)
	}
}

func TestCheckAcceptsWhatTook(t *testing.T) {
	write(t,
		".config", "#\n# Linux/x86 6.12 Kernel Configuration\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_NR=8\n",
		"f.config", "CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_ABSENT is not set\nCONFIG_NR=8\n")
	status, stdout, stderr := kconfig("check", "--config", ".config", "f.config")
	if status != 0 || stdout != "kconfig: all 4 options took\n" || stderr != "" {
		t.Errorf("got status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestCheckListsWhatDidNotTake(t *testing.T) {
	write(t,
		".config", "CONFIG_A=m\n# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_S=\"x\"\nCONFIG_FINE=y\n",
		"f.config", "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\nCONFIG_GONE=y\nCONFIG_S=\"y\"\nCONFIG_FINE=m\n",
		"required.config", "CONFIG_FINE=y\n")
	status, stdout, stderr := kconfig("check", "--config", ".config", "f.config", "required.config")
	if status != 1 || stdout != "" {
		t.Errorf("got status %d, stdout %q, want 1 and no output", status, stdout)
	}
	want := `kconfig: 5 of 6 options did not take in .config:
  f.config:1: asked for CONFIG_A=y, found CONFIG_A=m
  f.config:2: asked for CONFIG_B=y, found # CONFIG_B is not set
  f.config:3: asked for # CONFIG_C is not set, found CONFIG_C=y
  f.config:4: asked for CONFIG_GONE=y, found nothing: a dependency is missing, or there is no such option
  f.config:5: asked for CONFIG_S="y", found CONFIG_S="x"
`
	if diff := cmp.Diff(want, stderr); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "no command"},
		{[]string{"split"}, `no command "split"`},
		{[]string{"merge", "a.config"}, "merge needs --out FILE"},
		{[]string{"check", "--config", ".config"}, "check needs at least one fragment"},
		{[]string{"check", "--colour"}, "check: flag provided but not defined"},
	} {
		status, _, stderr := kconfig(tt.args...)
		if status != 2 || !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, "usage:") {
			t.Errorf("kconfig %q: got status %d and %q, want 2, %q and the usage", tt.args, status, stderr, tt.want)
		}
	}
}

func TestUnreadableAndUnwritablePlaces(t *testing.T) {
	write(t, "f.config", "CONFIG_A=y\n")
	for _, args := range [][]string{
		{"check", "--config", "absent", "f.config"},
		{"merge", "--out", filepath.Join("no", "such", "folder"), "f.config"},
	} {
		if status, _, stderr := kconfig(args...); status != 1 || !strings.Contains(stderr, "no such file") {
			t.Errorf("kconfig %q: got status %d and %q, want 1 and the reason", args, status, stderr)
		}
	}
}
