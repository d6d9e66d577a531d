package host_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
)

func TestFacts(t *testing.T) {
	h, _ := hosttest.New(t, nil)
	release, err := h.Release()
	want := host.Release{Name: "Slipway", PrettyName: "Slipway 0.1.0 (base)", VariantID: "base", VersionID: "0.1.0"}
	if d := cmp.Diff(want, release); d != "" || err != nil {
		t.Errorf("Release: %v (-want +got):\n%s", err, d)
	}
	if got, err := h.Kernel(); got != "6.12.43" || err != nil {
		t.Errorf("Kernel = %q, %v", got, err)
	}
	if got, err := h.BootID(); got != hosttest.BootID || err != nil {
		t.Errorf("BootID = %q, %v", got, err)
	}
	if got, err := h.Uptime(); got != 12340*time.Millisecond || err != nil {
		t.Errorf("Uptime = %v, %v", got, err)
	}
	state, err := h.StateFS()
	wantState := host.State{Device: "/dev/vda6", FSType: "ext4", Size: 8 << 30, Available: 7 << 30}
	if d := cmp.Diff(wantState, state); d != "" || err != nil {
		t.Errorf("StateFS: %v (-want +got):\n%s", err, d)
	}
}

func TestRootFS(t *testing.T) {
	verified := host.Root{
		Device: "/dev/dm-0", FSType: "erofs", ReadOnly: true,
		Verity: host.VerityVerified, RootHash: hosttest.RootHash, Slot: "A",
	}
	with := func(change func(*host.Root)) host.Root { r := verified; change(&r); return r }
	plain := "21 1 254:1 / / rw,relatime - ext4 /dev/root rw\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		dm    func(*hosttest.DM)
		want  host.Root
		err   string
	}{
		{name: "verified", want: verified},
		{name: "corrupted", dm: func(d *hosttest.DM) { d.States[0].Params = "C" },
			want: with(func(r *host.Root) { r.Verity = host.VerityCorrupted })},
		{name: "other slot", files: map[string]string{"sys/class/block/vda2/uevent": "PARTNAME=ROOT-B\n"},
			want: with(func(r *host.Root) { r.Slot = "B" })},
		{name: "sandboxed mount", files: map[string]string{
			"proc/self/mountinfo": "21 1 253:0 / / ro - erofs /dev/root rw\n",
		}, want: with(func(r *host.Root) { r.ReadOnly = false })},
		{name: "linear", dm: func(d *hosttest.DM) { d.Targets[0].Type = "linear" },
			want: with(func(r *host.Root) { r.Verity, r.RootHash = host.VerityAbsent, "" })},
		{name: "plain partition", files: map[string]string{
			"proc/self/mountinfo":         plain,
			"sys/dev/block/254:1/uevent":  "DEVNAME=vda1\n",
			"sys/class/block/vda1/uevent": "DEVNAME=vda1\nPARTNAME=ROOT-B\n",
		}, want: host.Root{Device: "/dev/vda1", FSType: "ext4", Verity: host.VerityAbsent, Slot: "B"}},
		{name: "no mount", files: map[string]string{"proc/self/mountinfo": "garbage - x\n"}, err: "nothing is mounted on /"},
		{name: "no device-mapper", dm: func(d *hosttest.DM) { d.Err = errors.New("denied") },
			err: "asking device-mapper about /dev/dm-0: reading the table: denied"},
		{name: "short table", dm: func(d *hosttest.DM) { d.Targets[0].Params = "1 254:2" }, err: "has 2 parameters"},
		{name: "odd hash", dm: func(d *hosttest.DM) {
			d.Targets[0].Params = strings.Replace(d.Targets[0].Params, hosttest.RootHash, "xyz", 1)
		}, err: `root hash "xyz"`},
		{name: "odd status", dm: func(d *hosttest.DM) { d.States[0].Params = "?" }, err: "neither V nor C"},
		{name: "no status", dm: func(d *hosttest.DM) { d.States = nil }, err: "is not understood"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, dm := hosttest.New(t, tc.files)
			if tc.dm != nil {
				tc.dm(dm)
			}
			got, err := h.RootFS()
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want %q", err, tc.err)
				}
				return
			}
			if d := cmp.Diff(tc.want, got); d != "" || err != nil {
				t.Errorf("RootFS: %v (-want +got):\n%s", err, d)
			}
		})
	}
}
