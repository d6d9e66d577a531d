package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSdkpackFails(t *testing.T) {
	dir := t.TempDir()
	lock := filepath.Join(dir, "lock.json")
	text := `{"architecture": "amd64", "suites": [], "packages": [
		{"name": "a", "version": "1", "architecture": "all", "path": "pool/a_1_all.deb", "size": 1, "sha256": "` + strings.Repeat("0", 64) + `"}]}`
	if err := os.WriteFile(lock, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, "sdk.tar.zst")
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing asked": {nil, "--lock, --debs and --output are needed"},
		"no lock":       {[]string{"--lock", dir + "/none", "--debs", dir, "--output", output}, "reading lock"},
		"no packages":   {[]string{"--lock", lock, "--debs", dir, "--output", output}, "packing a_1_all.deb"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), tt.args, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("sdkpack: %v, want %q", err, tt.want)
			}
		})
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("failures left %v, %v beside the lock", left, err)
	}
}
