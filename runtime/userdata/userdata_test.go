package userdata

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata/seedtest"
)

// files is what a made-up host has, by path.
type files map[string]string

// host makes a host below a new root.
func (f files) host(t testing.TB) Host {
	t.Helper()
	root := t.TempDir()
	for path, content := range f {
		write(t, filepath.Join(root, path), content)
	}
	return Host{Root: root}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const defaults10, defaults20 = defaultsDir + "/10-a.toml", defaultsDir + "/20-b.toml"

// motd is user data that say one word.
func motd(word string) string { return fmt.Sprintf("[settings]\nmotd = %q\n", word) }

func TestGatherOrder(t *testing.T) {
	f := files{
		defaults10: motd("10") + "network.hostname = \"ten\"\n", defaults20: motd("20"), defaultsDir + "/README": "no user data",
		fwCfg: motd("fw_cfg"), "/sys/firmware/dmi/entries/11-0/raw": oem(oemText + motd("SMBIOS")),
		"/sys/class/block/vdb/dev": "", "/dev/vdb": string(seedtest.Image(t, "config-2-rr.iso")),
		overridesFile: "[settings.network]\nhostname = \"mine\"\n",
	}
	for _, tc := range []struct {
		without string
		want    string
		sources string
	}{
		{"", "from a config drive", "fw_cfg SMBIOS config-drive-vdb"},
		{"/dev/vdb", "SMBIOS", "fw_cfg SMBIOS"},
		{"/sys/firmware/dmi/entries/11-0/raw", "fw_cfg", "fw_cfg"},
		{fwCfg, "20", ""},
		{defaults20, "10", ""},
	} {
		delete(f, tc.without)
		r := Gather(t.Context(), f.host(t), settings.Base())
		if r.Err != nil || len(r.Warnings) > 0 {
			t.Errorf("without %q: error %v, warnings %q", tc.without, r.Err, r.Warnings)
		}
		want := map[string]string{"motd": fmt.Sprintf("%q", tc.want), "network.hostname": `"mine"`}
		if d := cmp.Diff(want, texts(r.Values)); d != "" {
			t.Errorf("without %q: settings (-want +got):\n%s", tc.without, d)
		}
		var sources []string
		for _, s := range r.Sources {
			if !strings.HasPrefix(s, "/") {
				sources = append(sources, strings.ReplaceAll(s, " ", "-"))
			}
		}
		if got := strings.Join(sources, " "); got != tc.sources {
			t.Errorf("without %q: sources %q, want %q", tc.without, got, tc.sources)
		}
	}
}

func TestGatherNothing(t *testing.T) {
	r := Gather(t.Context(), Host{Root: t.TempDir()}, settings.Base())
	want := Result{Values: settings.Values{}, Generated: settings.Values{}}
	if d := cmp.Diff(want, r); d != "" {
		t.Errorf("Gather (-want +got):\n%s", d)
	}
}

// TestGatherBadSource: a source with a mistake does not count, the others do.
func TestGatherBadSource(t *testing.T) {
	f := files{
		defaults10: motd("default"), fwCfg: motd("fw_cfg") + "network.hostname = 3\ntypo = 1\n",
		overridesFile: "[settings.nonsense]\n[settings.network]\nhostname = \"mine\"\n",
	}
	r := Gather(t.Context(), f.host(t), settings.Base())
	want := map[string]string{"motd": `"default"`, "network.hostname": `"mine"`}
	if d := cmp.Diff(want, texts(r.Values)); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{defaults10, overridesFile}, r.Sources); d != "" {
		t.Errorf("sources (-want +got):\n%s", d)
	}
	warnings := []string{
		"fw_cfg: line 4: settings.typo: no such group of settings; it is not used",
		overridesFile + ": line 1: settings.nonsense: no such group of settings; it is not used",
	}
	if d := cmp.Diff(warnings, r.Warnings); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
	var bad *SourceError
	if !errors.As(r.Err, &bad) || bad.Source != "fw_cfg" || !strings.HasPrefix(r.Err.Error(), "fw_cfg: line 3: settings.network.hostname: ") {
		t.Errorf("error %v, want fw_cfg's", r.Err)
	}
	if p := settings.Problems(r.Err); len(p) != 1 || p[0].Key != "network.hostname" || p[0].Line != 3 {
		t.Errorf("problems %v", p)
	}
}

// TestGatherUnreadable: what cannot be read is told, the rest counts.
func TestGatherUnreadable(t *testing.T) {
	f := files{
		fwCfg + "/is-a-folder": "", defaults10: strings.Repeat("#", MaxSize+1), overridesFile: motd("mine"),
		"/sys/firmware/dmi/entries/11-0/raw": "\x0b",
	}
	r := Gather(t.Context(), f.host(t), settings.Base())
	if d := cmp.Diff(map[string]string{"motd": `"mine"`}, texts(r.Values)); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	lines := strings.Split(fmt.Sprint(r.Err), "\n")
	want := []string{defaults10 + ": ", "fw_cfg: ", "SMBIOS: reading the OEM strings: the structure has an impossible length"}
	for i, w := range want {
		if len(lines) != len(want) || !strings.HasPrefix(lines[i], w) {
			t.Fatalf("errors %q, want %q", lines, want)
		}
	}
}

// Two halves that need one another.
const (
	vlanKind   = "[settings.network.interfaces.vlan7]\nkind = \"vlan\"\n"
	vlanFields = "[settings.network.interfaces.vlan7]\ndevice = \"eno1\"\nid = 7\n"
)

// TestGatherAgreement: sources may complete one another; one that breaks a rule
// over several settings does not count.
func TestGatherAgreement(t *testing.T) {
	whole := files{defaults10: motd("default"), defaults20: vlanKind, fwCfg: vlanFields}
	if r := Gather(t.Context(), whole.host(t), settings.Base()); r.Err != nil || len(r.Values) != 4 {
		t.Errorf("two halves: %v, error %v", texts(r.Values), r.Err)
	}
	half := files{defaults10: motd("default"), defaults20: "# why\n" + vlanKind, overridesFile: motd("mine")}
	r := Gather(t.Context(), half.host(t), settings.Base())
	if d := cmp.Diff(map[string]string{"motd": `"mine"`}, texts(r.Values)); d != "" {
		t.Errorf("one half: settings (-want +got):\n%s", d)
	}
	var bad *SourceError
	if !errors.As(r.Err, &bad) || bad.Source != defaults20 || !strings.Contains(r.Err.Error(), ": line 2: settings.network.interfaces.vlan7") {
		t.Errorf("one half: error %v", r.Err)
	}
	if _, _, err := Lint([]byte("# why\n"+vlanKind), settings.Base()); err == nil || !strings.HasPrefix(err.Error(), "line 2: settings.network.interfaces.vlan7") {
		t.Errorf("Lint = %v", err)
	}
	if v, _, err := Lint([]byte(vlanKind+"device = \"eno1\"\nid = 7\n"), settings.Base()); err != nil || len(v) != 3 {
		t.Errorf("Lint of the whole = %v, %v", texts(v), err)
	}
}

func TestLocalDefaultsBound(t *testing.T) {
	f := files{}
	for i := range maxDefaults + 1 {
		f[fmt.Sprintf("%s/%03d.toml", defaultsDir, i)] = motd(fmt.Sprint(i))
	}
	r := Gather(t.Context(), f.host(t), settings.Base())
	if len(r.Sources) != maxDefaults || r.Err == nil || !strings.Contains(r.Err.Error(), "more than 64 files") {
		t.Errorf("%d sources, error %v", len(r.Sources), r.Err)
	}
}

// TestGatherEndsWithContext: a disk that does not answer does not hold the boot
// up for ever, and the other sources count.
func TestGatherEndsWithContext(t *testing.T) {
	h := files{
		"/sys/class/block/vdb/dev": "", "/dev/vdb": string(seedtest.Image(t, "cidata-joliet.iso")),
		"/sys/class/block/vdc/dev": "", overridesFile: motd("mine"),
	}.host(t)
	ctx, cancel := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	h.open = func(path string) (disk, error) {
		if filepath.Base(path) == "vdc" {
			cancel()
			<-hang
		}
		return openDisk(path)
	}
	r := Gather(ctx, h, settings.Base())
	want := map[string]string{"ntp.time-servers": `["ntp.example"]`, "motd": `"mine"`}
	if d := cmp.Diff(want, texts(r.Values)); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	if !errors.Is(r.Err, context.Canceled) || !strings.HasPrefix(r.Err.Error(), "disks: reading the disk vdc: ") {
		t.Errorf("error %v", r.Err)
	}
}
