package containers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/image"
)

const source = "registry.invalid/admin:1"

// runner returns one whose engine has the image already.
func runner(t *testing.T, p containerstest.Program) (*containers.Runner, *containerstest.Engine) {
	t.Helper()
	e := containerstest.NewEngine(t, p)
	img := images.Image{Name: source, Labels: map[string]string{image.LabelPreloaded: "true"}}
	e.Ready(img)
	log := slog.New(slog.DiscardHandler)
	return &containers.Runner{
		Engine: e, Images: image.Puller{Store: e, Log: log}, Root: t.TempDir(), Log: log,
		Stdout: io.Discard, Stderr: io.Discard,
	}, e
}

func admin() containers.Container {
	return containers.Container{Kind: containers.Host, Name: "admin", Source: source}
}

func TestRun(t *testing.T) {
	r, e := runner(t, func(_ containers.Container, _ <-chan syscall.Signal, stdout, stderr io.Writer) int {
		io.WriteString(stdout, "out")
		io.WriteString(stderr, "err")
		return 0
	})
	var out, errOut bytes.Buffer
	r.Stdout, r.Stderr = &out, &errOut
	if err := r.Run(t.Context(), admin()); err != nil {
		t.Fatal(err)
	}
	if out.String() != "out" || errOut.String() != "err" {
		t.Errorf("stdout %q, stderr %q", &out, &errOut)
	}
	if diff := cmp.Diff([]string{"create admin", "start admin", "remove admin"}, e.Events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestExitCode(t *testing.T) {
	r, e := runner(t, func(containers.Container, <-chan syscall.Signal, io.Writer, io.Writer) int { return 3 })
	err := r.Run(t.Context(), admin())
	var exit *containers.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || !strings.Contains(err.Error(), "admin") {
		t.Errorf("Run() = %v", err)
	}
	if ev := e.Events(); ev[len(ev)-1] != "remove admin" {
		t.Errorf("events %q", ev)
	}
}

func TestStop(t *testing.T) {
	tests := []struct {
		name  string
		deaf  bool
		wants []string
	}{
		{"obedient", false, []string{"create admin", "start admin", "signal admin 15", "remove admin"}},
		{"deaf", true, []string{"create admin", "start admin", "signal admin 15", "signal admin 9", "remove admin"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			r, e := runner(t, func(_ containers.Container, signals <-chan syscall.Signal, _, _ io.Writer) int {
				stop()
				<-signals
				if tt.deaf {
					<-t.Context().Done()
				}
				return 143
			})
			if tt.deaf {
				r.Grace = 1
			}
			if err := r.Run(ctx, admin()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.wants, e.Events()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLeftoverIsRemoved(t *testing.T) {
	r, e := runner(t, func(containers.Container, <-chan syscall.Signal, io.Writer, io.Writer) int { return 0 })
	if _, err := e.Create(t.Context(), admin(), images.Image{Name: source}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), admin()); err != nil {
		t.Error(err)
	}
}

func TestUserData(t *testing.T) {
	r, _ := runner(t, func(containers.Container, <-chan syscall.Signal, io.Writer, io.Writer) int { return 0 })
	file := filepath.Join(r.Root, "var/lib/host-containers/admin/user-data")
	c := admin()
	c.UserData = []byte("keys")
	if err := r.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "keys" {
		t.Errorf("user data %q, %v", b, err)
	}
	// A container may lay a trap: the host must not follow it.
	outside := filepath.Join(t.TempDir(), "outside")
	if err := errors.Join(os.WriteFile(outside, []byte("host"), 0o644), os.Remove(file), os.Symlink(outside, file)); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(outside); string(b) != "host" {
		t.Errorf("a file of the host became %q", b)
	}
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("user data is %v, %v", info, err)
	}
	if err := r.Run(t.Context(), admin()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("user data without the setting: %v", err)
	}
}

func TestMounts(t *testing.T) {
	root := t.TempDir()
	for _, f := range []string{"run/api.sock", "usr/bin/apiclient", "etc/os-release", "usr/bin/kmod"} {
		path := filepath.Join(root, f)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"mnt", "var/lib/host-containers/admin", "var/lib/bootstrap-containers/disks", "lib/modules"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	common := []string{"/run/api.sock", "/usr/local/bin/apiclient", "/etc/slipway-release", "/etc/bottlerocket-release"}
	host := []string{"/lib/modules", "/usr/local/sbin/modprobe", "/.slipway/rootfs", "/.slipway/rootfs/mnt", "/.bottlerocket/rootfs", "/.bottlerocket/rootfs/mnt"}
	own := []string{
		"/.slipway/host-containers/admin", "/.slipway/host-containers/current",
		"/.bottlerocket/host-containers/admin", "/.bottlerocket/host-containers/current",
	}
	super := admin()
	super.Superpowered = true
	boot := containers.Container{Kind: containers.Bootstrap, Name: "disks"}
	bootOwn := []string{
		"/.slipway/bootstrap-containers/disks", "/.slipway/bootstrap-containers/current",
		"/.bottlerocket/bootstrap-containers/disks", "/.bottlerocket/bootstrap-containers/current",
	}
	for _, tt := range []struct {
		name string
		c    containers.Container
		want [][]string
	}{
		{"plain", admin(), [][]string{common, own}},
		{"superpowered", super, [][]string{common, own, host}},
		{"bootstrap", boot, [][]string{common, bootOwn, host}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want, got []string
			for _, list := range tt.want {
				want = append(want, list...)
			}
			for _, m := range tt.c.Mounts(root) {
				got = append(got, m.Target)
				if !strings.Contains(strings.Join(m.Options, ","), "private") && !strings.Contains(m.Target, "/mnt") {
					t.Errorf("%s is mounted with %q", m.Target, m.Options)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mounts (-want +got):\n%s", diff)
			}
		})
	}
}
