package server

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestSupportBundle(t *testing.T) {
	c, s := newCaller(t)
	c.want("PATCH", "/settings", secretUser, 204, "")
	c.want("POST", "/tx/commit", "", 200, `["settings.host-containers.admin.source","settings.host-containers.admin.user-data"]`)
	s.Units = func(context.Context, []string) (Stream, error) { return nil, errors.New("no systemctl") }
	files := unpack(t, c.do("GET", "/report/support", "").Body)
	for name, part := range map[string]string{
		"os.json": `"version_id": "0.1.0"`, "health.json": `"status"`, "settings.json": "(redacted)",
		"audit.json": "POST /tx/commit", "journal.txt": "journal\n", "journal-before.txt": "journal\n", "kernel.txt": "journal\n",
		"os-release": "VERSION_ID=0.1.0", "units.txt.error": "no systemctl", "processes.txt": "RSS",
		"memory.error": "no such file", "boot-settings.json": "user_data",
	} {
		if !strings.Contains(files["slipway-support/"+name], part) {
			t.Errorf("%s: %q, want %q", name, files["slipway-support/"+name], part)
		}
	}
	for name, content := range files {
		if strings.Contains(content, "c2VjcmV0") {
			t.Errorf("%s tells the secret", name)
		}
	}
	c.want("GET", "/report", "", 200, `[{"name":"support","description":"Everything that helps to find out what is wrong, without secrets; a tar.gz file"}]`)
}

func unpack(t *testing.T, r io.Reader) map[string]string {
	t.Helper()
	zr, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(b)
	}
}

func TestTail(t *testing.T) {
	for _, size := range []int{0, 1, maxMember - 1, maxMember, maxMember + 1, 3*maxMember + 7} {
		b, err := tail(io.MultiReader(strings.NewReader(strings.Repeat("x", size)), strings.NewReader("end")))
		if want := min(size+3, maxMember); err != nil || len(b) != want || !strings.HasSuffix(string(b), "end") {
			t.Errorf("%d bytes: kept %d, %v; want %d", size+3, len(b), err, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	c, _ := newCaller(t)
	c.want("PATCH", "/settings?tx=a", `{"motd": "hi"}`, 204, "")
	c.want("POST", "/tx/commit?tx=a", "", 200, `["settings.motd"]`)
	c.want("PATCH", "/settings?tx=b", `{"motd": "hi"}`, 204, "")
	c.do("BREW", "/os", "")
	text := c.do("GET", "/metrics", "").Body.String()
	for _, line := range []string{
		`slipway_build_info{build="9d8b2a1f0e6c5d4b",kernel="6.12.43",slot="A",variant="base",version="0.1.0"} 1`,
		`slipway_boot_count 3`, `slipway_settings_seq 2`, `slipway_settings_transactions 1`, `slipway_settings_trial 0`,
		`slipway_units_failed 0`, `slipway_health_status{status="starting"} 1`, `slipway_health_check{check="root"} 1`,
		`slipway_state_size_bytes 8.589934592e+09`, `slipway_api_requests_total{method="PATCH",status="204"} 2`,
		`slipway_api_requests_total{method="other",status="405"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	for _, name := range []string{"slipway_settings_store_bytes", "process_resident_memory_bytes", "go_goroutines"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("%s is missing", name)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
