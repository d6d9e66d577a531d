package update_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/bootstatetest"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/update"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/slot"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repotest"
)

// build is one version of the fixture's image.
type build struct {
	version, hash string
	disk          []byte
	files         map[manifest.Role][]byte
}

// builds are made once; they are not changed.
var builds sync.Map

// version builds the fixture as a version of a variant; each has a root of its
// own.
func version(t testing.TB, v, variant string) *build {
	t.Helper()
	once, _ := builds.LoadOrStore(v+"/"+variant, sync.OnceValue(func() *build { return makeBuild(t, v, variant) }))
	return once.(func() *build)()
}

func makeBuild(t testing.TB, v, variant string) *build {
	o, err := fixture.Options(t.TempDir())
	must(t, err)
	tarball, err := os.ReadFile(o.Rootfs[0])
	must(t, err)
	seed := []byte(v + variant)
	for i := range 20_000 {
		tarball[400_000+i] ^= seed[i%len(seed)]
	}
	must(t, os.WriteFile(o.Rootfs[0], tarball, 0o644))
	release := strings.NewReplacer("VERSION_ID="+fixture.Version, "VERSION_ID="+v, "VARIANT_ID=base", "VARIANT_ID="+variant).Replace(fixture.OSRelease)
	must(t, os.WriteFile(o.OSRelease, []byte(release), 0o644))
	o.Version = v
	facts, err := assemble.Image(context.Background(), o)
	must(t, err)
	b := &build{version: v, hash: facts.RootHash, files: repotest.Artefacts(t, o.Artifacts)}
	for role, name := range map[manifest.Role]string{manifest.RoleUKIIndex: "uki.index", manifest.RoleUKIFrames: "uki.frames"} {
		b.files[role], err = os.ReadFile(filepath.Join(o.Artifacts, name))
		must(t, err)
	}
	b.disk, err = os.ReadFile(o.Output)
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// image is a build as a manifest has it.
func (b *build) image() manifest.Image {
	return manifest.Image{Variant: "base", Arch: "x86_64", Version: b.version, RootHash: b.hash}
}

// disk is a disk that keeps what was written beside what it held at first.
type disk struct {
	mu     sync.Mutex
	base   []byte
	sector map[int64][]byte
	writes int
	// before is called before each write and sync.
	before func() error
}

const sector = 512

func (d *disk) Close() error { return nil }
func (d *disk) Size() int64  { return int64(len(d.base)) }

func (d *disk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if off >= d.Size() {
		return 0, io.EOF
	}
	n := copy(p, d.base[off:])
	for at := off / sector; at*sector < off+int64(n); at++ {
		if data, ok := d.sector[at]; ok {
			from := at*sector - off
			copy(p[max(from, 0):n], data[max(-from, 0):])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (d *disk) op() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before != nil {
		if err := d.before(); err != nil {
			return err
		}
	}
	d.writes++
	return nil
}

func (d *disk) WriteAt(p []byte, off int64) (int, error) {
	if off%sector != 0 || len(p)%sector != 0 || off+int64(len(p)) > d.Size() {
		return 0, errors.New("these are no sectors of the disk")
	}
	if err := d.op(); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 0; i < len(p); i += sector {
		d.sector[(off+int64(i))/sector] = slices.Clone(p[i : i+sector])
	}
	return len(p), nil
}

func (d *disk) Sync() error { return d.op() }

// Direct implements slot.Device: there is no cache.
func (d *disk) Direct() (slot.Reader, error) { return direct{d}, nil }

type direct struct{ *disk }

func (direct) Method() string { return "memory" }

// fakeHost is a host whose updater, boots and repository are made up.
type fakeHost struct {
	t       testing.TB
	machine *bootstatetest.Machine
	disk    *disk
	repo    *repotest.Repo
	root    []byte
	dir     string
	config  update.Config
	now     time.Time
	floor   time.Time
	limits  fetch.Limits
	client  *http.Client
	runs    *build
	// restarts counts what the updater asked for.
	restarts int
	updater  *update.Updater
}

// newHost is a host that runs a build and has seen a repository with it.
func newHost(t testing.TB, runs *build) *fakeHost {
	t.Helper()
	repo := repotest.New(t)
	v := intent.Version{Version: runs.version, RootHash: runs.hash, Slot: "A"}
	m := bootstatetest.New(v)
	m.FAT.Put("slipway_"+v.Version+".efi", runs.files[manifest.RoleUKI])
	must(t, m.Settle())
	h := &fakeHost{
		t: t, machine: m, disk: &disk{base: runs.disk, sector: map[int64][]byte{}}, repo: repo, root: repo.Root(),
		dir: t.TempDir(), runs: runs, now: time.Now().UTC(), client: fetch.NewClient(http.DefaultTransport),
		limits: fetch.Limits{Backoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, Window: 20 * time.Second},
	}
	h.config = update.Config{
		MetadataURL: repo.MetadataURL(), TargetsURL: repo.TargetsURL(), Channel: repotest.Channel, Strategy: settings.StrategyManual,
	}
	h.start()
	t.Cleanup(func() { h.updater.Close() })
	return h
}

// start starts an updater on what the host has.
func (h *fakeHost) start() {
	h.t.Helper()
	v := h.machine.Manager.Running.Version
	h.updater = &update.Updater{
		System: update.System{Variant: "base", Arch: "x86_64", Version: v.Version, RootHash: v.RootHash, Slot: v.Slot},
		Root:   h.root, Floor: h.floor, Dir: h.dir, FS: h.machine.State,
		Settings: func(context.Context) (update.Config, error) { return h.config, nil },
		Boot: &update.Managed{Open: func() (*bootstate.Manager, func() error, error) {
			return h.machine.Manager, func() error { return nil }, nil
		}},
		Disk: func() (update.Disk, error) { return h.disk, nil }, HTTP: h.client,
		Restart: func(context.Context) error { h.restarts++; return nil }, MachineID: "c988d2509fdf4cdcbed39037c56406fb",
		Now: func() time.Time { return h.now }, Log: slog.New(slog.NewTextHandler(h.t.Output(), nil)), Limits: h.limits,
		Patience: time.Minute,
	}
	must(h.t, h.updater.Start())
}

// restart ends the updater, whatever it is at, and starts another one.
func (h *fakeHost) restart() {
	h.t.Helper()
	h.updater.Close()
	h.start()
}

// reboot boots what is to be booted, to the end of its checks, and starts its
// updater.
func (h *fakeHost) reboot() {
	h.t.Helper()
	h.updater.Close()
	must(h.t, h.machine.Settle())
	h.start()
}

func (h *fakeHost) status() api.UpdateStatus { return h.updater.Status(context.Background()) }

// wait waits until no command is under way.
func (h *fakeHost) wait() api.UpdateStatus {
	h.t.Helper()
	for {
		if s := h.status(); s.Running == nil {
			return s
		}
		time.Sleep(time.Millisecond)
	}
}

// do runs a command to its end and returns why it failed, "" if it did not.
func (h *fakeHost) do(command func() error) string {
	h.t.Helper()
	if err := command(); err != nil {
		return err.Error()
	}
	c := h.wait().MostRecentCommand
	if c.Status == api.UpdateSuccess {
		return ""
	}
	return *c.Stderr
}

// ok is do for what must succeed.
func (h *fakeHost) ok(commands ...func() error) {
	h.t.Helper()
	for _, c := range commands {
		if failed := h.do(c); failed != "" {
			h.t.Fatal(failed)
		}
	}
}

// publish adds a build to the repository.
func (h *fakeHost) publish(b *build, change func(*manifest.Image)) {
	h.t.Helper()
	h.repo.Add(h.t, b.image(), b.files, change)
}

func (h *fakeHost) want(state api.UpdateState) api.UpdateStatus {
	h.t.Helper()
	s := h.status()
	if s.UpdateState != state {
		h.t.Fatalf("state is %s, want %s: %+v", s.UpdateState, state, s)
	}
	return s
}

// booted tells the machine's loader what the disk's slots hold.
func (h *fakeHost) booted(b *build, slot string) { h.machine.Slots[slot] = b.hash }
