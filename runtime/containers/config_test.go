package containers_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/image"
	"github.com/slipway-os/slipway/runtime/render"
)

// rendered makes the file that the image's own template makes of settings.
func rendered(t *testing.T, settings string) string {
	t.Helper()
	const template = "../files/usr/share/slipway/templates/containers.tmpl"
	b, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "containers.tmpl"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := render.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	var nested map[string]any
	if err := json.Unmarshal([]byte(settings), &nested); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if _, err := set.Render(root, set.Affected([]string{"host-containers.admin.enabled"}), nested); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestLoadWhatTheTemplateMakes(t *testing.T) {
	root := rendered(t, `{
		"host-containers": {"admin": {"enabled": true, "superpowered": true, "source": "busybox", "user-data": "aGk=", "command": ["a", "b\"c"]}},
		"bootstrap-containers": {"disks": {"source": "r.invalid/disks:1", "mode": "once"}},
		"container-registry": {
			"mirrors": [{"registry": "docker.io", "endpoint": ["https://m.invalid", "n.invalid"]}],
			"credentials": [{"registry": "docker.io", "username": "u", "password": "p\"w"}]
		},
		"pki": {"ours": {"trusted": true, "data": "UEVN"}, "other": {"trusted": false, "data": "eA=="}, "none": {"trusted": true, "data": ""}},
		"network": {"https-proxy": "http://proxy.invalid:3128", "no-proxy": ["a.invalid", "10.0.0.0/8"]}
	}`)
	c, err := containers.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := c.HostContainer("admin")
	if err != nil {
		t.Fatal(err)
	}
	want := containers.Container{
		Kind: containers.Host, Name: "admin", Source: "docker.io/library/busybox:latest", Superpowered: true,
		Command: []string{"a", `b"c`}, UserData: []byte("hi"),
		HTTPSProxy: "http://proxy.invalid:3128", NoProxy: "a.invalid,10.0.0.0/8",
	}
	if diff := cmp.Diff(want, admin); diff != "" {
		t.Errorf("admin (-want +got):\n%s", diff)
	}
	disks, err := c.BootstrapContainer("disks")
	if err != nil || disks.ID() != "boot.disks" || disks.Superpowered || disks.Dir() != "/var/lib/bootstrap-containers/disks" {
		t.Errorf("disks: %+v, %v", disks, err)
	}
	access, err := c.Access()
	if err != nil {
		t.Fatal(err)
	}
	wantAccess := image.Access{
		Mirrors:     []image.Mirror{{Registry: "docker.io", Endpoints: []string{"https://m.invalid", "n.invalid"}}},
		Credentials: []image.Credential{{Registry: "docker.io", Username: "u", Password: `p"w`}},
		CAs:         [][]byte{[]byte("PEM")}, HTTPSProxy: "http://proxy.invalid:3128", NoProxy: "a.invalid,10.0.0.0/8",
	}
	if diff := cmp.Diff(wantAccess, access); diff != "" {
		t.Errorf("access (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(root, containers.ConfigPath))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with secrets is %v, %v", info, err)
	}
}

func TestLoadWithoutSettings(t *testing.T) {
	for name, root := range map[string]string{"nothing is set": rendered(t, `{}`), "nothing is rendered": t.TempDir()} {
		c, err := containers.Load(root)
		if err != nil || len(c.HostContainers) > 0 || len(c.BootstrapContainers) > 0 {
			t.Errorf("%s: Load() = %+v, %v", name, c, err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for name, tt := range map[string]struct{ settings, container, want string }{
		"unknown":   {`{}`, "x", "no settings.host-containers.x"},
		"no source": {`{"host-containers":{"x":{"enabled":true}}}`, "x", "settings.host-containers.x.source is not set"},
		"bad name":  {`{"host-containers":{"../x":{"source":"a"}}}`, "../x", "cannot be the name"},
		"bad image": {`{"host-containers":{"x":{"source":"A B"}}}`, "x", "settings.host-containers.x.source"},
		"bad data":  {`{"host-containers":{"x":{"source":"a","user-data":"%"}}}`, "x", "user-data is not base64"},
		"bad CA":    {`{"host-containers":{"x":{"source":"a"}},"pki":{"p":{"trusted":true,"data":"%"}}}`, "x", "settings.pki.p.data"},
	} {
		c, err := containers.Load(rendered(t, tt.settings))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.HostContainer(tt.container); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
}

func TestBrokenFile(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, containers.ConfigPath)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := containers.Load(root)
	if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), containers.ConfigPath) {
		t.Errorf("Load() = %v", err)
	}
}
