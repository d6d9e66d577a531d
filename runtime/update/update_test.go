package update_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/imagetool/verity"
	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate/bootstatetest"
	"github.com/slipway-os/slipway/runtime/update"
	"github.com/slipway-os/slipway/runtime/update/slot"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// checkSlot reads a slot of the disk and computes its root hash.
func checkSlot(t *testing.T, h *fakeHost, b *build) {
	t.Helper()
	hash, err := verity.ParseRootHash(h.machine.Manager.Running.RootHash)
	must(t, err)
	s, err := slot.Find(h.disk, hash)
	must(t, err)
	data := make([]byte, s.Other.Root.Size())
	_, err = h.disk.ReadAt(data, s.Other.Root.Start())
	must(t, err)
	want := b.files[manifest.RoleRoot]
	if string(data[:len(want)]) != string(want) {
		t.Errorf("slot %s does not hold the image of version %s", s.Other.Name, b.version)
	}
	if s.Other.Root.Label != "ROOT-"+s.Other.Name {
		t.Errorf("slot %s is called %q", s.Other.Name, s.Other.Root.Label)
	}
}

func TestThereAndBack(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	s := h.want(api.UpdateIdle)
	if s.ActivePartition.Slot != "A" || !s.ActivePartition.NextToBoot || s.Boot != "committed" || s.Problem != "" {
		t.Errorf("status of a new host: %+v", s)
	}
	h.publish(two, nil)
	h.ok(h.updater.Refresh)
	s = h.want(api.UpdateAvailable)
	if *s.ChosenUpdate != (api.UpdateImage{Arch: "x86_64", Version: "1.1.0", Variant: "base"}) || s.AvailableUpdates[0] != "1.1.0" {
		t.Errorf("chosen %+v of %v", s.ChosenUpdate, s.AvailableUpdates)
	}
	h.repo.ForgetRequests()
	h.ok(h.updater.Prepare)
	s = h.want(api.UpdateStaged)
	if s.StagingPartition.NextToBoot || s.StagingPartition.Slot != "B" || s.StagingPartition.Image.Version != "1.1.0" {
		t.Errorf("staged %+v", s.StagingPartition)
	}
	checkSlot(t, h, two)
	for _, r := range h.repo.Requests() {
		if strings.Contains(r, "uki.efi") || strings.Contains(r, "root.erofs") {
			t.Errorf("%s was asked for, though nearly all of it was there", r)
		}
	}
	h.ok(h.updater.Activate, h.updater.Deactivate)
	h.want(api.UpdateStaged)
	h.ok(h.updater.Activate)
	s = h.want(api.UpdateReady)
	if !s.StagingPartition.NextToBoot || s.ActivePartition.NextToBoot {
		t.Errorf("ready: %+v, %+v", s.StagingPartition, s.ActivePartition)
	}
	h.booted(two, "B")
	h.reboot()
	s = h.want(api.UpdateIdle)
	if s.ActivePartition.Image.Version != "1.1.0" || s.ActivePartition.Slot != "B" || s.Rollback == nil || s.Rollback.Version != "1.0.0" {
		t.Fatalf("after the update: %+v, rollback to %+v", s.ActivePartition, s.Rollback)
	}
	h.ok(h.updater.Rollback)
	if s := h.want(api.UpdateReady); s.StagingPartition.Image.Version != "1.0.0" || !s.StagingPartition.NextToBoot {
		t.Errorf("rollback: %+v", s.StagingPartition)
	}
	h.reboot()
	h.ok(h.updater.Refresh)
	s = h.want(api.UpdateIdle) // 1.1.0 is not offered again
	if len(s.Failed) != 1 || s.Failed[0].Version != "1.1.0" || len(s.Held) != 1 || s.Held[0].Reason != "failed-here" {
		t.Errorf("after the rollback: failed %+v, held %+v", s.Failed, s.Held)
	}
	must(t, h.updater.Forget("1.1.0"))
	h.ok(h.updater.Refresh)
	h.want(api.UpdateAvailable)
	if err := h.updater.Forget("7.7.7"); !errors.Is(err, update.ErrNoUpdate) {
		t.Errorf("forgetting what never failed: %v", err)
	}
}

// A version whose boots panic: the host falls back, knows why, and does not
// take it again.
func TestFallback(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.ok(h.updater.Refresh, h.updater.Prepare, h.updater.Activate)
	h.booted(two, "B")
	h.machine.Behave["1.1.0"] = bootstatetest.Panic
	h.reboot()
	s := h.status()
	if s.ActivePartition.Image.Version != "1.0.0" || s.Fallback == nil || !strings.Contains(s.Fallback.Reason, "kernel panic") {
		t.Fatalf("after the fallback: %+v", s.Fallback)
	}
	h.ok(h.updater.Refresh)
	s = h.want(api.UpdateIdle)
	if len(s.Failed) != 1 || len(s.Held) != 1 || s.Held[0].Message != "1.1.0 failed on this host" {
		t.Errorf("failed %+v, held %+v", s.Failed, s.Held)
	}
	// Another build of the same version is another version.
	three := version(t, "1.2.0", "base")
	h.publish(three, nil)
	h.ok(h.updater.Refresh)
	if s := h.want(api.UpdateAvailable); s.ChosenUpdate.Version != "1.2.0" {
		t.Errorf("chosen %+v", s.ChosenUpdate)
	}
}

func TestDowngradeByChoice(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, two)
	h.publish(one, nil)
	h.publish(two, nil)
	h.ok(h.updater.Refresh)
	h.want(api.UpdateIdle)
	h.config.Lock = "1.0.0"
	h.ok(h.updater.Refresh, h.updater.Prepare, h.updater.Activate)
	h.booted(one, "B")
	h.reboot()
	if s := h.want(api.UpdateIdle); s.ActivePartition.Image.Version != "1.0.0" {
		t.Errorf("it runs %+v", s.ActivePartition)
	}
}

func TestCommandsThatDoNotFit(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	refused := func(want error, command func() error) {
		t.Helper()
		if err := command(); !errors.Is(err, want) {
			t.Errorf("error is %v, want %v", err, want)
		}
	}
	refused(update.ErrNoUpdate, h.updater.Prepare)
	refused(update.ErrNoUpdate, h.updater.Activate)
	refused(update.ErrState, h.updater.Deactivate)
	refused(update.ErrState, h.updater.Cancel)
	if failed := h.do(h.updater.Rollback); !strings.Contains(failed, "no version that was good once") {
		t.Errorf("rollback: %q", failed)
	}
	h.ok(h.updater.Refresh)
	refused(update.ErrNoUpdate, h.updater.Prepare)
	h.publish(version(t, "1.1.0", "base"), nil)
	h.ok(h.updater.Refresh, h.updater.Prepare, h.updater.Activate)
	refused(update.ErrState, h.updater.Activate)
	refused(update.ErrState, h.updater.Prepare)
	h.ok(h.updater.Cancel)
	h.want(api.UpdateAvailable)
	if h.disk.base = nil; h.status().Rollback != nil {
		t.Error("there is something to roll back to")
	}
}

func TestNoRepository(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	h.root = nil
	h.restart()
	const untrusted = "no update repository is trusted by this image"
	if s := h.status(); s.Problem != untrusted {
		t.Errorf("problem is %q", s.Problem)
	}
	if failed := h.do(h.updater.Refresh); failed != untrusted {
		t.Errorf("refresh: %q", failed)
	}
	h.root, h.config.TargetsURL = h.repo.Root(), ""
	h.restart()
	if s := h.status(); !strings.Contains(s.Problem, "updates.targets-base-url") {
		t.Errorf("problem is %q", s.Problem)
	}
	h.config.TargetsURL, h.config.MetadataURL = h.repo.TargetsURL(), "http://127.0.0.1:1"
	h.do(h.updater.Refresh)
	s := h.status()
	if !s.Checked.Offline || !strings.HasPrefix(s.Problem, "offline: ") || s.Checked.Good.IsZero() != true {
		t.Errorf("offline: %+v, problem %q", s.Checked, s.Problem)
	}
}
