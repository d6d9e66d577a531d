package preinit

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fakeKernel records what it is asked for and refuses what fail names.
type fakeKernel struct {
	calls []string
	fail  string
}

func (k *fakeKernel) do(call string) error {
	k.calls = append(k.calls, call)
	if k.fail != "" && strings.HasPrefix(call, k.fail) {
		return errors.New("refused")
	}
	return nil
}

func (k *fakeKernel) MountSys(dir string) error { return k.do("sys " + filepath.Base(dir)) }
func (k *fakeKernel) MountEtc(dir string) error { return k.do("etc " + filepath.Base(dir)) }
func (k *fakeKernel) Exec(path string, argv, env []string) error {
	return k.do("exec " + strings.Join(argv, " ") + " with " + strings.Join(env, " "))
}

const randomID = "3031323334354637b839414243444546" // "0…9A…F" as a version 4 UUID

// newRoot makes a root file system with an empty /etc. files maps paths to
// contents; a content "-> x" makes a link to x, a path ending in / a folder.
func newRoot(t *testing.T, files map[string]string) (Host, *fakeKernel) {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"etc", "sys", "usr"} {
		must(os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for path, content := range files {
		full := filepath.Join(root, path)
		must(os.MkdirAll(filepath.Dir(full), 0o755))
		switch target, link := strings.CutPrefix(content, "-> "); {
		case strings.HasSuffix(path, "/"):
			must(os.MkdirAll(full, 0o755))
		case link:
			must(os.Symlink(target, full))
		default:
			must(os.WriteFile(full, []byte(content), 0o644))
		}
	}
	k := &fakeKernel{}
	return Host{Root: root, Kernel: k, Random: strings.NewReader("0123456789ABCDEF"), Log: t.Logf}, k
}

// tree lists what is below dir: "mode content".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			got[rel] = "-> " + target
			return err
		case d.IsDir():
			got[rel] = info.Mode().String()
			return nil
		}
		b, err := os.ReadFile(path)
		got[rel] = info.Mode().String() + " " + string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestBoot(t *testing.T) {
	h, k := newRoot(t, map[string]string{
		"usr/share/factory/etc/hosts":         "127.0.0.1 localhost\n",
		"usr/share/factory/etc/shadow":        "root:!*::::::\n",
		"usr/share/factory/etc/resolv.conf":   "-> ../run/resolv.conf",
		"usr/share/factory/etc/systemd/user/": "",
		"sys/class/dmi/id/product_uuid":       "4C4C4544-0042-3510-8053-B4C04F4A4E32\n",
	})
	private := filepath.Join(h.Root, "usr/share/factory/etc/systemd/user")
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	age := time.Unix(1700000000, 0)
	if err := os.Chtimes(filepath.Join(h.Root, "usr"), age, age); err != nil {
		t.Fatal(err)
	}

	if err := h.Boot([]string{"--show-status=1"}, []string{"A=b"}); err != nil {
		t.Fatalf("Boot: %v", err)
	}

	wantCalls := []string{"sys sys", "etc etc", "exec /usr/lib/systemd/systemd --show-status=1 with A=b"}
	if d := cmp.Diff(wantCalls, k.calls); d != "" {
		t.Errorf("kernel calls (-want +got):\n%s", d)
	}
	want := map[string]string{
		".updated":     "-rw-r--r-- ",
		"hosts":        "-rw-r--r-- 127.0.0.1 localhost\n",
		"machine-id":   "-r--r--r-- 4c4c4544004235108053b4c04f4a4e32\n",
		"os-release":   "-> ../usr/lib/os-release",
		"resolv.conf":  "-> ../run/resolv.conf",
		"shadow":       "-rw------- root:!*::::::\n",
		"systemd":      "drwxr-xr-x",
		"systemd/user": "drwx------",
	}
	if d := cmp.Diff(want, tree(t, filepath.Join(h.Root, "etc"))); d != "" {
		t.Errorf("/etc (-want +got):\n%s", d)
	}
	stamp, err := os.Stat(filepath.Join(h.Root, "etc/.updated"))
	if err != nil || !stamp.ModTime().Equal(age) {
		t.Errorf("/etc/.updated is of %v (%v), want %v", stamp.ModTime(), err, age)
	}
}

func TestBootFailures(t *testing.T) {
	for _, tc := range []struct{ fail, want string }{
		{"sys", "mounting /sys: refused"},
		{"etc", "mounting a tmpfs on /etc: refused"},
		{"exec", "starting /usr/lib/systemd/systemd: refused"},
	} {
		h, k := newRoot(t, nil)
		k.fail = tc.fail
		err := h.Boot(nil, nil)
		if err == nil || err.Error() != tc.want {
			t.Errorf("Boot with failing %s: %v, want %q", tc.fail, err, tc.want)
		}
		if last := k.calls[len(k.calls)-1]; !strings.HasPrefix(last, tc.fail) {
			t.Errorf("went on after failing %s: %q", tc.fail, k.calls)
		}
	}
}

func TestPrepareRefusesDevices(t *testing.T) {
	h, _ := newRoot(t, map[string]string{"usr/share/factory/etc/": ""})
	fifo := filepath.Join(h.Root, "usr/share/factory/etc/pipe")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Skipf("cannot make a FIFO here: %v", err)
	}
	err := h.Prepare()
	if err == nil || !strings.Contains(err.Error(), "copying pipe: is neither") {
		t.Errorf("Prepare: %v, want an error that names the pipe", err)
	}
}

func TestPrepareSaysWhatWasInTheWay(t *testing.T) {
	h, _ := newRoot(t, map[string]string{"usr/share/factory/etc/hosts": "a", "etc/hosts": "b"})
	err := h.Prepare()
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "copying hosts") {
		t.Errorf("Prepare: %v, want an error that names hosts", err)
	}
}

func TestMachineID(t *testing.T) {
	card := func(name, kind, addr string) map[string]string {
		dir := "sys/class/net/" + name + "/"
		return map[string]string{dir + "device/": "", dir + "addr_assign_type": kind + "\n", dir + "address": addr + "\n"}
	}
	uuid := func(s string) map[string]string {
		return map[string]string{"sys/class/dmi/id/product_uuid": s + "\n"}
	}
	sum := sha256.Sum256([]byte("slipway machine-id\x0052:54:00:12:34:56"))
	ofCard := formatID([16]byte(sum[:16]))
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{name: "firmware", files: uuid("4C4C4544-0042-3510-8053-B4C04F4A4E32"), want: "4c4c4544004235108053b4c04f4a4e32"},
		{name: "all zero", files: uuid("00000000-0000-0000-0000-000000000000"), want: randomID},
		{name: "all F", files: uuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"), want: randomID},
		{name: "vendor's default", files: uuid("03000200-0400-0500-0006-000700080009"), want: randomID},
		{name: "words", files: uuid("Not Settable"), want: randomID},
		{name: "nothing", want: randomID},
		{name: "card", files: card("eth0", "0", "52:54:00:12:34:56"), want: ofCard},
		{name: "made-up address", files: card("eth0", "1", "52:54:00:12:34:56"), want: randomID},
		{name: "no address", files: card("eth0", "0", "00:00:00:00:00:00"), want: randomID},
		{name: "from the image", files: map[string]string{"usr/share/factory/etc/machine-id": "uninitialized"}, want: "uninitialized"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := newRoot(t, tc.files)
			if err := h.Prepare(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(h.Root, "etc/machine-id"))
			got := strings.TrimSpace(string(b))
			if err != nil || got != tc.want {
				t.Errorf("machine-id %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}
