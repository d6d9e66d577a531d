package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

func TestHostPaths(t *testing.T) {
	under := hostPaths{root: "/work/host", cwd: "/home/u"}
	for in, want := range map[string]string{"a.toml": "/work/host/home/u/a.toml", "/x/y": "/work/host/x/y"} {
		if got := under.inside(in); got != want {
			t.Errorf("inside(%q): %q, want %q", in, got, want)
		}
	}
	if got := under.outside("/work/host/tmp/vm/api.sock"); got != "/tmp/vm/api.sock" {
		t.Errorf("outside: %q", got)
	}
	plain := hostPaths{}
	if got := plain.inside("a"); got != "a" {
		t.Errorf("inside without a root: %q", got)
	}
	if got := plain.outside("/tmp/x"); got != "/tmp/x" {
		t.Errorf("outside without a root: %q", got)
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"512M": 512 << 20, "4G": 4 << 30, "1T": 1 << 40} {
		if got, err := parseSize(in); got != want || err != nil {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "G", "4", "-1G", "0G", "4GG", "4g", "1.5G"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("%q: %d, want an error", in, got)
		}
	}
}

func TestPersistentDisk(t *testing.T) {
	dir := t.TempDir()
	image, path := filepath.Join(dir, "image"), filepath.Join(dir, "disk")
	content := make([]byte, 5<<20+7)
	copy(content[3<<20:], "data")
	content[len(content)-1] = 1
	if err := os.WriteFile(image, content, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := persistentDisk(t.Context(), image, path, 0); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("the copy differs (%v)", err)
	}
	if info, err := os.Stat(path); err != nil || info.Sys().(*syscall.Stat_t).Blocks*512 >= int64(len(content)) {
		t.Errorf("the copy has no holes (%v)", err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := persistentDisk(t.Context(), image, path, 0); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Error("a disk that was there was written over")
	}
	if _, err := persistentDisk(t.Context(), filepath.Join(dir, "none"), filepath.Join(dir, "new"), 0); err == nil {
		t.Error("no image: no error")
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a copy that failed was left")
	}
}

func TestHint(t *testing.T) {
	o := options{diskSize: "4G", host: hostPaths{root: "/work/host"}}
	c := qemu.Config{Accel: accel.Accel{Name: "tcg", Reason: "no /dev/kvm"}, Dir: "/work/host/tmp/m", UserData: []byte(machine.DoorOpen)}
	hint := o.hint(c)
	for _, want := range []string{
		"Accelerator: tcg (no /dev/kvm)", "thrown away at the end",
		"curl --unix-socket /tmp/m/api.sock http://slipway/os", "To leave: Ctrl-a x.",
	} {
		if !strings.Contains(hint, want) {
			t.Errorf("the hint lacks %q:\n%s", want, hint)
		}
	}
	o.persist, c.UserData = "my.img", nil
	if hint := o.hint(c); !strings.Contains(hint, "kept in my.img") || strings.Contains(hint, "curl") {
		t.Errorf("persistent and shut:\n%s", hint)
	}
}

func TestCommandLine(t *testing.T) {
	t.Setenv("SLIPWAY_IMAGE", "")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "no image: use --image"},
		{[]string{"--user-data", "x", "--no-user-data"}, "[no-user-data user-data] were all set"},
		{[]string{"extra"}, `unknown command "extra"`},
	} {
		c := newCommand()
		c.SetArgs(append([]string{}, tc.args...))
		c.SetOut(&bytes.Buffer{})
		if err := c.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %v, want %q", tc.args, err, tc.want)
		}
	}
}
