package config

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

const fwCfg = "/sys/firmware/qemu_fw_cfg/by_name/opt/slipway/user-data/raw"

// machine is a root folder with what the image and the kernel bring.
func machine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, "/usr/lib/os-release", "VERSION_ID=1.0.0\nVARIANT_ID=base\n")
	put(t, root, "/usr/share/factory/etc/ssl/certs/ca-certificates.crt", "certificates\n")
	put(t, root, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
	put(t, root, kernelHostname, "slipway\n")
	put(t, root, kernelLockdown, "[none] integrity confidentiality\n")
	templates, err := filepath.Abs("../files" + render.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, filepath.Dir(render.Folder)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(templates, filepath.Join(root, render.Folder)); err != nil {
		t.Fatal(err)
	}
	return root
}

func put(t *testing.T, root, path, data string) {
	t.Helper()
	full := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// want compares a file below root; "" is no file.
func want(t *testing.T, root, path, data string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if d := cmp.Diff(data, string(b)); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// start boots a machine.
func start(root string, fs store.FS) Report {
	return Boot(context.Background(), Host{
		Root: root, FS: fs, Random: bytes.NewReader([]byte{0x01, 0x0a, 0, 0}),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return time.Unix(1e9, 0) },
	})
}

// live opens the settings of a machine that is off.
func live(t *testing.T, root string) store.State {
	t.Helper()
	st, _, err := OpenStore(root, "1.0.0", settings.Base(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	return st.Live()
}

func wantEntry(t *testing.T, s store.State, key, value string, src store.Source) {
	t.Helper()
	if e := s[key]; string(e.Value) != value || e.Source != src {
		t.Errorf("%s = %s from %q, want %s from %q", key, e.Value, e.Source, value, src)
	}
}

func healthy(t *testing.T, r Report) {
	t.Helper()
	for _, c := range r.Checks() {
		if !c.OK {
			t.Errorf("check %s: %s", c.Name, c.Message)
		}
	}
	if len(r.Templates) > 0 || r.Kernel != "" {
		t.Errorf("templates %v, kernel %q, want no error", r.Templates, r.Kernel)
	}
}

func TestBootWithoutUserData(t *testing.T) {
	root := machine(t)
	r := start(root, nil)
	healthy(t, r)
	if !r.Store.FirstBoot || !r.UserData.Taken || len(r.UserData.Sources) > 0 {
		t.Errorf("report %+v, want a first boot without user data", r)
	}
	if d := cmp.Diff(r, ReadReport(root)); d != "" {
		t.Errorf("the report that was left (-want +got):\n%s", d)
	}
	s := live(t, root)
	wantEntry(t, s, hostnameKey, `"slipway-d488a6da"`, store.SourceGenerator)
	wantEntry(t, s, seedKey, `513`, store.SourceGenerator)
	want(t, root, "/etc/hostname", "slipway-d488a6da\n")
	want(t, root, kernelHostname, "slipway-d488a6da\n")
	want(t, root, "/etc/motd", "Welcome to Slipway\n")
	info, err := os.Stat(filepath.Join(root, StoreDir))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the settings: %v, %v, want mode 0700", info, err)
	}

	put(t, root, fwCfg, "settings.motd = \"too late\"\n")
	again := start(root, nil)
	healthy(t, again)
	if again.Store.FirstBoot || !again.UserData.Taken {
		t.Errorf("second report %+v", again)
	}
	if d := cmp.Diff(s, live(t, root)); d != "" {
		t.Errorf("the second boot changed settings (-want +got):\n%s", d)
	}
}

func TestBootTakesUserData(t *testing.T) {
	root := machine(t)
	put(t, root, fwCfg, "[settings]\nmotd = \"hello\"\n[settings.network]\nhostname = \"web-1\"\n[settings.kubernetes]\ncluster-name = \"x\"\n")
	r := start(root, nil)
	healthy(t, r)
	if d := cmp.Diff([]string{"fw_cfg"}, r.UserData.Sources); d != "" {
		t.Errorf("sources (-want +got):\n%s", d)
	}
	if msg := r.Checks()[0].Message; !strings.Contains(msg, "settings.kubernetes") {
		t.Errorf("check user-data says %q, want the group that is not used", msg)
	}
	s := live(t, root)
	wantEntry(t, s, "motd", `"hello"`, store.SourceUserData)
	wantEntry(t, s, hostnameKey, `"web-1"`, store.SourceUserData)
	want(t, root, "/etc/motd", "hello\n")
	want(t, root, kernelHostname, "web-1\n")

	put(t, root, fwCfg, "settings.motd = \"other\"\n")
	healthy(t, start(root, nil))
	want(t, root, "/etc/motd", "hello\n")
}

func TestBadUserDataDoesNotCount(t *testing.T) {
	root := machine(t)
	put(t, root, fwCfg, "[settings.api]\nvirtio-serial = true\nvirtio-cereal = true\n")
	r := start(root, nil)
	check := r.Checks()[0]
	if check.Name != "user-data" || check.OK {
		t.Fatalf("check %+v, want one of user data that is not OK", check)
	}
	line := regexp.MustCompile(`^line 3: settings\.api\.virtio-cereal: .* \(fw_cfg\)$`)
	if !line.MatchString(check.Message) {
		t.Errorf("check says %q, want %s", check.Message, line)
	}
	if len(r.UserData.Problems) != 1 || r.UserData.Problems[0].Line != 3 {
		t.Errorf("problems %+v, want one on line 3", r.UserData.Problems)
	}
	var console bytes.Buffer
	announce(&console, r)
	if !strings.HasPrefix(console.String(), "slipway: user data is not used: line 3: settings.api.virtio-cereal: ") {
		t.Errorf("console %q", console.String())
	}
	wantEntry(t, live(t, root), "api.virtio-serial", "false", store.SourceDefault)

	set(t, root, settings.Values{"motd": []byte(`"by hand"`)})
	put(t, root, fwCfg, "[settings]\nmotd = \"late\"\n[settings.api]\nvirtio-serial = true\n")
	healthy(t, start(root, nil))
	s := live(t, root)
	wantEntry(t, s, "api.virtio-serial", "true", store.SourceUserData)
	wantEntry(t, s, "motd", `"by hand"`, store.SourceAPI)
}

// set changes settings as the API does, on a machine that is off.
func set(t *testing.T, root string, v settings.Values) {
	t.Helper()
	st, _, err := OpenStore(root, "1.0.0", settings.Base(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := commit(st, v, store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
}

// memory is a store.FS in memory with the folders that the store's lies in.
func memory(t *testing.T, root string) *storetest.FS {
	t.Helper()
	fs := storetest.New()
	dir := ""
	for part := range strings.SplitSeq(strings.Trim(filepath.Join(root, filepath.Dir(StoreDir)), "/"), "/") {
		dir += "/" + part
		if err := fs.Mkdir(dir); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

func TestFullDisk(t *testing.T) {
	root := machine(t)
	put(t, root, fwCfg, "settings.motd = \"hello\"\n")
	fs := memory(t, root)
	fs.FailFrom(2, syscall.ENOSPC)
	r := start(root, fs)
	if c := r.Checks()[1]; c.OK || !strings.Contains(c.Message, "no space left") {
		t.Errorf("check %+v, want the full disk", c)
	}
	want(t, root, "/etc/motd", "hello\n")
	want(t, root, "/etc/hostname", "slipway-d488a6da\n")
	want(t, root, TakenPath, "")

	fs.Repair()
	healthy(t, start(root, fs))
	want(t, root, "/etc/motd", "hello\n")
}

func TestFullDiskLater(t *testing.T) {
	root := machine(t)
	put(t, root, fwCfg, "settings.motd = \"hello\"\n")
	fs := memory(t, root)
	healthy(t, start(root, fs))
	fs.FailFrom(1, syscall.ENOSPC)
	start(root, fs)
	want(t, root, "/etc/motd", "hello\n")
}

func TestUnreadableSTATE(t *testing.T) {
	root := machine(t)
	put(t, root, "/var/lib", "a file where the folder should be")
	put(t, root, fwCfg, "settings.motd = \"hello\"\n")
	r := start(root, nil)
	if r.Store.Error == "" || r.Checks()[1].OK {
		t.Errorf("report %+v, want an error of the store", r)
	}
	want(t, root, "/etc/motd", "hello\n")
	want(t, root, "/etc/hosts", "127.0.0.1 localhost localhost.localdomain\n::1 localhost localhost.localdomain\n")
}

func TestCorruptStore(t *testing.T) {
	root := machine(t)
	put(t, root, fwCfg, "settings.motd = \"hello\"\n")
	healthy(t, start(root, nil))
	put(t, root, StoreDir+"/settings.json", "garbage")
	r := start(root, nil)
	if c := r.Checks()[1]; c.OK || !strings.Contains(c.Message, "snapshot") {
		t.Errorf("check %+v, want the damage", c)
	}
	want(t, root, "/etc/motd", "hello\n") // from the snapshot
}

func TestBrokenTemplate(t *testing.T) {
	root := machine(t)
	folder := filepath.Join(root, render.Folder)
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	put(t, root, render.Folder+"/bad.tmpl", "+++\npath = \"/etc/bad\"\nmode = \"0644\"\nsettings = [\"dns\"]\n+++\n{{ setting \"dns.name-servers\" }}")
	put(t, root, render.Folder+"/good.tmpl", "+++\npath = \"/etc/motd\"\nmode = \"0644\"\nsettings = [\"motd\"]\n+++\n{{ setting \"motd\" }}\n")
	put(t, root, fwCfg, "settings.motd = \"hello\"\n")
	r := start(root, nil)
	if d := cmp.Diff(map[string]string{"bad": "template bad: settings.dns.name-servers: is not set"}, r.Templates); d != "" {
		t.Errorf("templates (-want +got):\n%s", d)
	}
	if !r.UserData.Taken {
		t.Errorf("user data is blamed for the image's fault: %+v", r.UserData)
	}
	want(t, root, "/etc/motd", "hello\n")
	if c := r.Checks()[0]; !c.OK {
		t.Errorf("check %+v", c)
	}
	var console bytes.Buffer
	announce(&console, r)
	if !strings.Contains(console.String(), "slipway: settings: template bad: ") {
		t.Errorf("console %q", console.String())
	}
}

func TestNoTemplatesAtAll(t *testing.T) {
	root := machine(t)
	if err := os.Remove(filepath.Join(root, render.Folder)); err != nil {
		t.Fatal(err)
	}
	r := start(root, nil)
	if c := r.Checks()[1]; c.OK || !strings.Contains(c.Message, "templates") {
		t.Errorf("check %+v", c)
	}
}

func TestReadReport(t *testing.T) {
	root := t.TempDir()
	if c := ReadReport(root).Checks()[1]; c.OK || c.Message != "the settings were not brought into force at boot" {
		t.Errorf("check without a report: %+v", c)
	}
	put(t, root, ReportPath, "{")
	if c := ReadReport(root).Checks()[1]; c.OK || !strings.HasPrefix(c.Message, "reading the report") {
		t.Errorf("check of a damaged report: %+v", c)
	}
	want := []api.Check{{Name: "user-data", OK: true, Message: "a; b"}, {Name: "settings", OK: true}}
	if d := cmp.Diff(want, (Report{UserData: UserData{Warnings: []string{"a", "b"}}}).Checks()); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
}

func TestMainRefusesArguments(t *testing.T) {
	for name, run := range map[string]func([]string, io.Writer, io.Writer) error{"settings-boot": Main, "settings-kernel": KernelMain} {
		if err := run([]string{"x"}, io.Discard, io.Discard); err == nil {
			t.Errorf("%s took an argument", name)
		}
	}
}
