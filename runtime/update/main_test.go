package update

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/api/apitest"
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

// The settings come from the API, defaults and all.
func TestSettingsFromTheAPI(t *testing.T) {
	h := apitest.Serve(t)
	client := apiclient.New(h.Socket)
	patch := func(text string) {
		t.Helper()
		for _, r := range [][3]string{{"PATCH", api.PathSettings, text}, {"POST", api.PathTxCommitAndApply, ""}} {
			if status, _, body, err := client.Do(t.Context(), r[0], r[1], []byte(r[2])); err != nil || status >= 300 {
				t.Fatalf("%s %s: %d %s %v", r[0], r[1], status, body, err)
			}
		}
	}
	read := fromAPI(client, settings.Base())
	patch(`{"updates":{"seed":7}}`)
	got, err := read(t.Context())
	want := Config{Channel: "stable", Seed: 7, Strategy: settings.StrategyManual, LockGroup: "default"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("settings of a new host (-want +got):\n%s%v", d, err)
	}
	patch(`{"updates":{"metadata-base-url":"https://u.example/metadata/","targets-base-url":"https://u.example/targets/","version-lock":"v1.4.0",
		"ignore-waves":true,"strategy":"fleet-lock","channel":"beta","fleet-lock":{"url":"https://lock.example","group":"workers"}}}`)
	got, err = read(t.Context())
	want = Config{
		MetadataURL: "https://u.example/metadata/", TargetsURL: "https://u.example/targets/", Channel: "beta", Seed: 7, Lock: "1.4.0",
		IgnoreWaves: true, Strategy: settings.StrategyFleetLock, LockURL: "https://lock.example", LockGroup: "workers",
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("settings (-want +got):\n%s%v", d, err)
	}
	if _, err := fromAPI(apiclient.New(h.Socket+"x"), settings.Base())(t.Context()); err == nil {
		t.Error("no API: no error")
	}
}

func TestOnHost(t *testing.T) {
	h, _ := hosttest.New(t, map[string]string{"etc/machine-id": "c988d2509fdf4cdcbed39037c56406fb\n"})
	block := filepath.Join(h.Root, "sys/class/block")
	device := filepath.Join(h.Root, "sys/devices/pci/virtio/block/vda/vda2")
	for _, err := range []error{
		os.MkdirAll(device, 0o755), os.Rename(filepath.Join(block, "vda2", "uevent"), filepath.Join(device, "uevent")),
		os.RemoveAll(filepath.Join(block, "vda2")), os.Symlink(device, filepath.Join(block, "vda2")),
		os.WriteFile(filepath.Join(device, "partition"), []byte("2\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := diskOf(h.Root, "/dev/dm-0"); err != nil || got != "/dev/vda" {
		t.Errorf("disk is %q, %v", got, err)
	}
	if _, err := diskOf(h.Root, "/dev/sda1"); err == nil {
		t.Error("a device that is not there: no error")
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	u, err := onHost(h, log)
	if err != nil {
		t.Fatal(err)
	}
	if u.Root != nil || u.MachineID == "" || u.Floor.IsZero() || u.System.Version != "0.1.0" || u.System.Slot != "A" || u.System.RootHash != hosttest.RootHash {
		t.Errorf("updater of the host: %+v", u.System)
	}
	path := filepath.Join(h.Root, RootPath)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("{}"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if u, err = onHost(h, log); err != nil || string(u.Root) != "{}" {
		t.Errorf("root of trust %q, %v", u.Root, err)
	}
}

func TestRestartIsOfTheHost(t *testing.T) {
	m := &systemdtest.Manager{}
	if err := restart(m.Dial)(t.Context()); err != nil || len(m.Started()) != 1 || m.Started()[0] != "reboot.target" {
		t.Errorf("started %q, %v", m.Started(), err)
	}
	m.Fail(errors.New("no bus"))
	if err := restart(m.Dial)(t.Context()); err == nil {
		t.Error("no error")
	}
}

// still is a Boot on which nothing happens.
type still struct{ Boot }

func (still) Inspect() (bootstate.Status, error) { return bootstate.Status{State: "committed"}, nil }

// The daemon answers, and ends when nobody wants anything.
func TestEndsWhenIdle(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "u.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	u := &Updater{
		Dir: filepath.Join(t.TempDir(), "updates"), FS: store.OS, Boot: still{}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Settings: func(context.Context) (Config, error) { return Config{Strategy: settings.StrategyManual}, nil },
		HTTP:     http.DefaultClient, Now: func() time.Time { return now },
	}
	if err := u.Start(); err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { ended <- serve(ctx, u, l) }()
	status, _, body, err := apiclient.New(socket).Do(t.Context(), http.MethodGet, api.PathUpdatesStatus, nil)
	if err != nil || status != 200 || !strings.Contains(string(body), ErrUntrusted.Error()) {
		t.Errorf("status %d, %s, %v", status, body, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	now = now.Add(time.Hour)
	u.Run(t.Context(), time.Hour, time.Minute) // returns at once
}
