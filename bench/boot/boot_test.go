package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	r := results{
		Accel:    "tcg (no /dev/kvm)",
		Image:    []sample{{9, 4, 50 << 20}, {7, 4, 40 << 20}, {6, 4, 45 << 20}},
		Baseline: []sample{{14, 4, 60 << 20}, {15, 4, 80 << 20}, {13, 4, 90 << 20}},
	}
	want := `Accelerator: tcg (no /dev/kvm); medians of 3 boots

                                            image  baseline  ratio
  boot (API answers; multi-user.target)    7.00 s   14.00 s   0.50
               of it after the firmware    3.00 s   10.00 s   0.30
                    memory used at idle  45.0 MiB  80.0 MiB   0.56
`
	if d := cmp.Diff(want, r.table()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMedian(t *testing.T) {
	total := func(s sample) float64 { return s.Total }
	for _, tc := range []struct {
		in   []sample
		want float64
	}{{nil, 0}, {[]sample{{Total: 3}}, 3}, {[]sample{{Total: 4}, {Total: 1}}, 2.5}, {[]sample{{Total: 4}, {Total: 1}, {Total: 2}}, 2}} {
		if got := median(tc.in, total); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.in, got, tc.want)
		}
	}
}

func TestBaselineImage(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "imagetool")
	script := "#!/bin/sh\necho \"$SOURCE_DATE_EPOCH $*\" > " + dir + "/called\n[ -n \"$FAIL\" ] && exit 1 || exit 0\n"
	if err := os.WriteFile(fake, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	b := baselineImage{imagetool: fake, root: "r.tar", kernel: "k", stub: "s", bootloader: "b", layout: "l"}
	var progress strings.Builder
	path, err := b.make(t.Context(), dir, &progress)
	if err != nil || path != filepath.Join(dir, "baseline.img") {
		t.Errorf("make: %q, %v", path, err)
	}
	called, _ := os.ReadFile(filepath.Join(dir, "called"))
	for _, want := range []string{"1 build --rootfs r.tar", "--cmdline systemd.volatile=state", "--output " + path} {
		if !strings.Contains(string(called), want) {
			t.Errorf("imagetool was not called with %q: %s", want, called)
		}
	}
	t.Setenv("FAIL", "1")
	if _, err := b.make(t.Context(), dir, &progress); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("imagetool fails: %v", err)
	}
}

func TestRootOptions(t *testing.T) {
	r := rootOptions{output: "o.tar", suite: "trixie", mirrors: []string{"m"}}
	want := []string{"--variant=minbase", "--include=systemd-sysv,udev,dbus", "--format=tar", "trixie", "o.tar", "m"}
	if d := cmp.Diff(want, r.args()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	t.Setenv("PATH", "/nonexistent")
	if err := r.run(t.Context(), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "apt-get install mmdebstrap") {
		t.Errorf("without mmdebstrap: %v", err)
	}
}
