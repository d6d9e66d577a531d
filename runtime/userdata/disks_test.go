package userdata

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata/seedtest"
)

// TestDisks reads the disks that people's programs make.
func TestDisks(t *testing.T) {
	for _, name := range seedtest.Names(t) {
		if name == "cidata-plain.iso" {
			continue // cloud-init does not read it either: its names are cut
		}
		t.Run(name, func(t *testing.T) {
			f := files{"/sys/class/block/sr0/dev": "", "/dev/sr0": string(seedtest.Image(t, name))}
			r := Gather(t.Context(), f.host(t), settings.Base())
			want := Result{
				Values:    settings.Values{"ntp.time-servers": []byte(`["ntp.example"]`)},
				Generated: settings.Values{"network.hostname": []byte(`"` + seedtest.Hostname + `"`)},
				Sources:   []string{"NoCloud disk sr0"},
			}
			if strings.HasPrefix(name, "config-2") {
				want = Result{
					Values:    settings.Values{"motd": []byte(`"from a config drive"`)},
					Generated: settings.Values{"network.hostname": []byte(`"` + seedtest.DriveHostname + `"`)},
					Sources:   []string{"config drive sr0"},
				}
			}
			if d := cmp.Diff(want, r); d != "" {
				t.Errorf("Gather (-want +got):\n%s", d)
			}
		})
	}
}

// TestDisksOrder: NoCloud disks come before config drives, those before others,
// and what is no seed disk is passed over.
func TestDisksOrder(t *testing.T) {
	f := files{
		"/sys/class/block/vda/dev": "", "/dev/vda": string(seedtest.Image(t, "config-2-rr.iso")),
		"/sys/class/block/vdb/dev": "", "/dev/vdb": string(seedtest.Image(t, "cidata-fat12.img")),
		"/sys/class/block/vdc/dev": "", "/dev/vdc": string(seedtest.Image(t, "cidata-joliet.iso")),
		"/sys/class/block/vdd/dev": "", "/dev/vdd": "an empty drive",
		"/sys/class/block/vde/dev":   "", // without a node
		"/sys/class/block/loop0/dev": "", "/dev/loop0": string(seedtest.Image(t, "cidata-joliet.iso")),
	}
	r := Gather(t.Context(), f.host(t), settings.Base())
	want := []string{"NoCloud disk vdb", "NoCloud disk vdc", "config drive vda"}
	if d := cmp.Diff(want, r.Sources); d != "" || r.Err != nil {
		t.Errorf("sources (-want +got):\n%s error %v", d, r.Err)
	}
	if got := string(r.Generated["network.hostname"]); got != `"drive.example"` {
		t.Errorf("generated host name %s, want the last disk's", got)
	}
}

// TestDisksThatUdevPromised: a disk with a seed disk's label that cannot be read
// is an error, unlike any other.
func TestDisksThatUdevPromised(t *testing.T) {
	broken := seedtest.Image(t, "cidata-rr-joliet.iso")[:20*2048]
	f := files{"/sys/class/block/sr0/dev": "", "/dev/sr0": string(broken), "/sys/class/block/vdb/dev": "", "/dev/vdb": "nothing", overridesFile: motd("mine")}
	h := f.host(t)
	link := filepath.Join(h.Root, "/dev/disk/by-label/config-2")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../vdb", link); err != nil {
		t.Fatal(err)
	}
	r := Gather(t.Context(), h, settings.Base())
	want := []string{
		"NoCloud disk sr0: reading user-data: reading a directory: unexpected EOF",
		"config drive vdb: reading the disk: not a FAT file system",
	}
	got := strings.Split(strings.TrimSpace(r.Err.Error()), "\n")
	for i, w := range want {
		if len(got) != len(want) || !strings.HasPrefix(got[i], w) {
			t.Fatalf("errors %q, want %q", got, want)
		}
	}
	if got := string(r.Values["motd"]); got != `"mine"` {
		t.Errorf("motd = %s", got)
	}
}

func TestHostnames(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"instance-id: i\n":             "",
		"local-hostname: web\n":        "web",
		"local-hostname:   'web'\r\n":  "web",
		"local-hostname: \"web\"  # x": "web",
		"local-hostname: web # x":      "web",
		" local-hostname: nested\n":    "",
		"local-hostname:\n":            "",
		"local-hostname: '\n":          "'",
	} {
		if got := noCloudHostname([]byte(in)); got != want {
			t.Errorf("noCloudHostname(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "{": "", `{"hostname": 3}`: "", `{"hostname": "web"}`: "web"} {
		if got := openStackHostname([]byte(in)); got != want {
			t.Errorf("openStackHostname(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestBadHostname: a host name that cannot be one is only a warning.
func TestBadHostname(t *testing.T) {
	image := strings.ReplaceAll(string(seedtest.Image(t, "config-2-rr.iso")), "drive.example", "drive!example")
	f := files{"/sys/class/block/sr0/dev": "", "/dev/sr0": image}
	r := Gather(t.Context(), f.host(t), settings.Base())
	if r.Err != nil || len(r.Values) != 1 || len(r.Generated) != 0 {
		t.Errorf("Gather = %+v", r)
	}
	if len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "config drive sr0: the host name in its metadata is not used: settings.network.hostname: ") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

// FuzzDisk spoils seed disks, from the search for them on.
func FuzzDisk(f *testing.F) {
	good := [][]byte{
		seedtest.Image(f, "config-2-rr.iso"), seedtest.Image(f, "cidata-fat12.img"),
		seedtest.Image(f, "cidata-rr-joliet.iso"), seedtest.Image(f, "cidata-fat32.img"),
	}
	f.Add(uint8(0), uint32(0x8000), []byte("\x01CD001"))
	f.Add(uint8(1), uint32(0), []byte("\xeb\x3c\x90"))
	f.Add(uint8(3), uint32(1<<20), []byte{})
	s := settings.Base()
	f.Fuzz(func(t *testing.T, which uint8, at uint32, change []byte) {
		b := string(good[int(which)%len(good)])
		at = min(at, uint32(len(b)))
		b = b[:at] + string(change) + b[min(int(at)+len(change), len(b)):]
		v, err := openVolume(strings.NewReader(b))
		if err != nil {
			return
		}
		for _, k := range kinds {
			src := k.read(v, k.name)
			if doc, err := src.parse(s); err != nil && len(doc.values) > 0 {
				t.Errorf("values %v in spite of %v", texts(doc.values), err)
			}
		}
	})
}
