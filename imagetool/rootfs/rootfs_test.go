package rootfs_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/rootfs"
)

var mtime = time.Unix(1760000000, 0)

func dir(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
func file(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(name)), ModTime: time.Unix(5, 0)}
}
func symlink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
}
func link(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to, Mode: 0o644}
}

// layer writes an archive; the content of a file is its name.
func layer(t testing.TB, path string, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			io.WriteString(w, h.Name)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// list returns a line for each entry of an archive.
func list(t testing.TB, data []byte) []string {
	t.Helper()
	var lines []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(mtime) {
			t.Errorf("%s has time %v", h.Name, h.ModTime)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%c %04o %s %s%s", h.Typeflag, h.Mode, h.Name, h.Linkname, content)))
	}
}

func TestMerge(t *testing.T) {
	tmp := t.TempDir()
	a := layer(t, filepath.Join(tmp, "a.tar"), dir("./"), dir("./usr/"), dir("usr/bin"), file("usr/bin/zz"), symlink("bin", "usr/bin"))
	b := layer(t, filepath.Join(tmp, "b.tar"), dir("usr/bin"), file("usr/bin/aa"), link("usr/bin/ab", "usr/bin/zz"), link("usr/aaa", "usr/bin/ab"), file("opt/x/y"))
	var out bytes.Buffer
	if err := rootfs.Merge(&out, []string{a, b}, mtime); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"5 0755 ./",
		"2 0777 bin usr/bin",
		"5 0755 opt/",
		"5 0755 opt/x/",
		"0 0644 opt/x/y opt/x/y",
		"5 0755 usr/",
		"0 0644 usr/aaa usr/bin/zz", // the first path of the set has the content
		"5 0755 usr/bin/",
		"0 0644 usr/bin/aa usr/bin/aa",
		"1 0644 usr/bin/ab usr/aaa",
		"1 0644 usr/bin/zz usr/aaa",
	}
	if diff := cmp.Diff(want, list(t, out.Bytes())); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	var again bytes.Buffer
	if err := rootfs.Merge(&again, []string{b, a}, mtime); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the order of the layers makes a difference")
	}
}

func TestMergeKeepsAttributes(t *testing.T) {
	h := file("usr/bin/ping")
	h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02", "comment": "dropped"}
	h.Mode, h.Uid, h.Gid = 0o4755, 10, 20
	h.Uname = "dropped"
	var out bytes.Buffer
	if err := rootfs.Merge(&out, []string{layer(t, filepath.Join(t.TempDir(), "a.tar"), h)}, mtime); err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(&out)
	for {
		got, err := r.Next()
		if err != nil {
			t.Fatal("no usr/bin/ping: ", err)
		}
		if got.Name != "usr/bin/ping" {
			continue
		}
		if got.Mode != 0o4755 || got.Uid != 10 || got.Gid != 20 || got.Uname != "" {
			t.Errorf("mode %o, owner %d:%d %q", got.Mode, got.Uid, got.Gid, got.Uname)
		}
		want := map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}
		if diff := cmp.Diff(want, got.PAXRecords); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
		return
	}
}

func TestMergeErrors(t *testing.T) {
	private := dir("usr")
	private.Mode = 0o700
	owned := dir("usr")
	owned.Uid = 5
	tests := []struct {
		name string
		a, b []tar.Header
		want string
	}{
		{"file in both", []tar.Header{file("usr/x")}, []tar.Header{file("./usr/x")}, "a.tar and TMP/b.tar both claim /usr/x: a file in both"},
		{"folder and link", []tar.Header{dir("lib")}, []tar.Header{symlink("lib", "usr/lib")}, "both claim /lib: a folder in one, a symbolic link in the other"},
		{"folders with two modes", []tar.Header{dir("usr")}, []tar.Header{private}, "both claim /usr: a folder with mode 0755 in one, 0700 in the other"},
		{"folders with two owners", []tar.Header{dir("usr")}, []tar.Header{owned}, "owned by 0:0 in one, 5:0 in the other"},
		{"path below a link", []tar.Header{symlink("lib", "usr/lib")}, []tar.Header{file("lib/x.so")}, "b.tar has /lib/x.so, but layer TMP/a.tar has /lib as a symbolic link"},
		{"path below a file", []tar.Header{file("usr")}, []tar.Header{file("usr/x")}, "has /usr as a file"},
		{"hard link to nothing", []tar.Header{link("a", "b")}, nil, "hard link /a leads to /b, which does not exist"},
		{"hard links in a ring", []tar.Header{link("a", "b"), link("b", "a")}, nil, "leads to itself"},
		{"hard link to a folder", []tar.Header{dir("b"), link("a", "b")}, nil, "which is a folder"},
		{"twice in one layer", []tar.Header{file("a"), file("./a")}, nil, "/a is in the archive twice"},
		{"path out of the root", []tar.Header{file("../a")}, nil, "not below the root"},
		{"absolute path", []tar.Header{file("/a")}, nil, "not below the root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmp := t.TempDir()
			paths := []string{layer(t, filepath.Join(tmp, "a.tar"), tt.a...), layer(t, filepath.Join(tmp, "b.tar"), tt.b...)}
			err := rootfs.Merge(io.Discard, paths, mtime)
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), tmp, "TMP"), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestMergeTruncatedLayer(t *testing.T) {
	path := layer(t, filepath.Join(t.TempDir(), "a.tar"), file("usr/some-file"))
	if err := os.Truncate(path, 700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := rootfs.Merge(&out, []string{path}, mtime); err == nil {
		t.Error("no error for a truncated layer")
	}
}

func FuzzMerge(f *testing.F) {
	path := layer(f, filepath.Join(f.TempDir(), "seed.tar"), dir("usr"), file("usr/a"), link("usr/b", "usr/a"), symlink("bin", "usr/bin"))
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, seed)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		tmp := t.TempDir()
		var paths []string
		for name, data := range map[string][]byte{"a.tar": a, "b.tar": b} {
			paths = append(paths, filepath.Join(tmp, name))
			if err := os.WriteFile(filepath.Join(tmp, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := rootfs.Merge(&out, paths, mtime); err != nil {
			return
		}
		merged := filepath.Join(tmp, "merged.tar")
		if err := os.WriteFile(merged, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := rootfs.Merge(&again, []string{merged}, mtime); err != nil {
			t.Fatalf("merging the merged archive: %v", err)
		}
		if !bytes.Equal(out.Bytes(), again.Bytes()) {
			t.Error("merging the merged archive changes it")
		}
	})
}
