package download

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadList(t *testing.T) {
	sum := strings.Repeat("a", 64)
	got, err := ReadList(strings.NewReader(`{
		"files": [{"size": 1, "sha256": "` + sum + `", "output": "x", "urls": ["https://example.org/x"], "pin": "x"}],
		"packages": [{"name": "p", "path": "pool/p_1_all.deb", "size": 2, "sha256": "` + sum + `"}]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []File{
		{Size: 1, SHA256: sum, Output: "x", URLs: []string{"https://example.org/x"}, Pin: "x"},
		{Path: "pool/p_1_all.deb", Size: 2, SHA256: sum, Output: "p_1_all.deb"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadListRefuses(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for name, tt := range map[string]struct{ list, want string }{
		"no JSON":      {`files`, "parsing list"},
		"no sum":       {`{"files": [{"path": "p", "size": 1, "sha256": "ab"}]}`, "not a SHA-256 sum"},
		"negative":     {`{"files": [{"path": "p", "size": -1, "sha256": "` + a + `"}]}`, "not a size"},
		"no place":     {`{"files": [{"output": "p", "size": 1, "sha256": "` + a + `"}]}`, "neither a path nor an address"},
		"leaves":       {`{"files": [{"path": "p", "output": "../p", "size": 1, "sha256": "` + a + `"}]}`, "not a file name"},
		"same outputs": {`{"files": [{"path": "p", "sha256": "` + a + `"}, {"path": "q/p", "sha256": "` + b + `"}]}`, "two files want"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadList(strings.NewReader(tt.list)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadList: %v, want %q", err, tt.want)
			}
		})
	}
}
