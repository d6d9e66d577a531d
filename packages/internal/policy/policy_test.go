package policy

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/packages/internal/layer"
)

// check lays one file down and checks it.
func check(t *testing.T, name string, data []byte, mode os.FileMode, p Package) error {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	entries, err := layer.List(root)
	if err != nil {
		t.Fatal(err)
	}
	p.Name, p.Entries = "x", entries
	return Check(p)
}

// elfFile is a 64-bit ELF header with program headers of the given types and
// flags and nothing else (System V gABI, chapter 4).
func elfFile(kind, machine uint16, programs ...[2]uint32) []byte {
	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	for _, v := range []any{kind, machine, uint32(1), uint64(0), uint64(64), uint64(0), uint32(0),
		uint16(64), uint16(56), uint16(len(programs)), uint16(64), uint16(0), uint16(0)} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	for _, p := range programs {
		binary.Write(&b, binary.LittleEndian, p)
		b.Write(make([]byte, 48))
	}
	return b.Bytes()
}

const (
	exec, dyn        = 2, 3
	amd64, arm64     = 62, 183
	gnuStack, gnuRel = 0x6474e551, 0x6474e552
)

func TestCheck(t *testing.T) {
	good := elfFile(dyn, amd64, [2]uint32{gnuRel, 4}, [2]uint32{gnuStack, 6})
	cases := map[string]struct {
		path string
		data []byte
		mode os.FileMode
		want string // "" for none
	}{
		"good program":      {"usr/bin/x", good, 0o755, ""},
		"text":              {"usr/share/x", []byte("text"), 0o644, ""},
		"other machine":     {"usr/bin/x", elfFile(dyn, arm64, [2]uint32{gnuRel, 4}), 0o755, `check "arch"`},
		"fixed address":     {"usr/bin/x", elfFile(exec, amd64, [2]uint32{gnuRel, 4}), 0o755, `check "pie"`},
		"no relro":          {"usr/bin/x", elfFile(dyn, amd64), 0o755, `check "relro"`},
		"executable stack":  {"usr/bin/x", elfFile(dyn, amd64, [2]uint32{gnuRel, 4}, [2]uint32{gnuStack, 7}), 0o755, `check "exec-stack"`},
		"setuid":            {"usr/bin/x", []byte("#!"), 0o755 | os.ModeSetuid, `check "setuid"`},
		"build path":        {"usr/share/x", []byte("see /build/src/x.c"), 0o644, `check "build-path"`},
		"file in /var":      {"var/lib/x", []byte("state"), 0o644, `check "layout"`},
		"file at the top":   {"x", nil, 0o644, `check "layout"`},
		"broken ELF header": {"usr/bin/x", []byte("\x7fELF\x02\x01\x01 torn"), 0o755, "reading ELF"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := check(t, c.path, c.data, c.mode, Package{})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v, want none", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestExceptions(t *testing.T) {
	data := []byte("/build/src")
	if err := check(t, "usr/share/x", data, 0o644, Package{Exceptions: map[string][]string{"build-path": {"usr/share/*"}}}); err != nil {
		t.Errorf("an excepted file: %v", err)
	}
	if err := check(t, "usr/share/x", data, 0o644, Package{Exceptions: map[string][]string{"build-path": {"usr/lib/*"}}}); err == nil {
		t.Error("an exception for other files let this one pass")
	}
	err := check(t, "usr/share/x", nil, 0o644, Package{Exceptions: map[string][]string{"buildpath": {"*"}}})
	if err == nil || !strings.Contains(err.Error(), `unknown check "buildpath"`) {
		t.Errorf("got %v, want the unknown check named", err)
	}
}

func TestSetuidList(t *testing.T) {
	if err := check(t, "usr/bin/x", nil, 0o755|os.ModeSetuid, Package{Setuid: []string{"usr/bin/x"}}); err != nil {
		t.Errorf("a listed file: %v", err)
	}
}

func FuzzCheckELF(f *testing.F) {
	f.Add(elfFile(dyn, amd64, [2]uint32{gnuRel, 4}))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkELF(Package{}, map[string]bool{}, data, func(string, string, ...any) {}) // no panic
	})
}
