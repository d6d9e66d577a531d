package userdata

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLoad(t *testing.T) {
	root := t.TempDir()
	if got := Load(root); got.Source != "" || got.Err != nil || got.Settings != (Settings{}) {
		t.Errorf("Load without user data = %+v, want nothing", got)
	}
	file := filepath.Join(root, fwCfg)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("settings.api.virtio-serial = true")
	if got := Load(root); got.Source != "fw_cfg" || got.Err != nil || !got.Settings.API.VirtioSerial {
		t.Errorf("Load = %+v, want the door open", got)
	}
	write("settings.api.virtio-serial = 1")
	if got := Load(root); got.Source != "fw_cfg" || got.Err == nil || got.Settings.API.VirtioSerial {
		t.Errorf("Load = %+v, want an error and the defaults", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Load(root); got.Err == nil {
		t.Errorf("Load of a folder = %+v, want an error", got)
	}
}
