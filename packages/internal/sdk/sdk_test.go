package sdk

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-os/slipway/packages/internal/deb/debtest"
	"github.com/slipway-os/slipway/packages/internal/lockfile"
)

// base has the targets of every link that the skeleton makes.
func base() []debtest.File {
	all := []debtest.File{
		debtest.Dir("./", 0o755), debtest.Dir("./etc/", 0o755), debtest.Dir("./usr/", 0o755),
		debtest.Dir("./usr/bin/", 0o755), debtest.Dir("./usr/sbin/", 0o755), debtest.Dir("./usr/share/", 0o755),
		debtest.Dir("./usr/share/zoneinfo/", 0o755), debtest.Dir("./usr/share/zoneinfo/Etc/", 0o755),
		debtest.Dir("./usr/share/doc/", 0o755), debtest.Dir("./var/", 0o755), debtest.Symlink("./bin", "usr/bin"),
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		name = filepath.Join(filepath.Dir(name), links[name])
		if _, made := links[name]; !made && !seen[name] {
			all = append(all, debtest.Regular("./"+name, 0o755, name))
			seen[name] = true
		}
	}
	return all
}

// pack writes the packages to a folder and packs them; each is a list of
// files.
func pack(t *testing.T, packages ...[]debtest.File) (archive []byte, id string, err error) {
	t.Helper()
	dir := t.TempDir()
	lock := lockfile.Lock{Architecture: "amd64"}
	for i, files := range packages {
		data := debtest.Build(t, ".xz", files...)
		sum := sha256.Sum256(data)
		p := lockfile.Package{Name: fmt.Sprintf("p%d", i), SHA256: hex.EncodeToString(sum[:])}
		p.Path = "pool/" + p.Name + ".deb"
		if err := os.WriteFile(filepath.Join(dir, p.FileName()), data, 0o644); err != nil {
			t.Fatal(err)
		}
		lock.Packages = append(lock.Packages, p)
	}
	var out bytes.Buffer
	id, err = Pack(t.Context(), lock, dir, &out)
	return out.Bytes(), id, err
}

// goodPack packs packages that can be packed.
func goodPack(t *testing.T, packages ...[]debtest.File) (archive []byte, id string) {
	t.Helper()
	archive, id, err := pack(t, packages...)
	if err != nil {
		t.Fatalf("Pack: %v", err)
	}
	return archive, id
}

// unpack unpacks an archive and returns the folder.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	file, dir := filepath.Join(t.TempDir(), "sdk.tar.zst"), t.TempDir()
	if err := os.WriteFile(file, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), file, dir); err != nil {
		t.Fatalf("Unpack: %v", err)
	}
	return dir
}

// list describes everything below dir: mode, content or target.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.ModTime().Equal(stamp) {
			t.Errorf("%s is of %s, not %s", name, info.ModTime(), stamp)
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += " " + string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			text += " " + target
		}
		all[strings.TrimPrefix(name, dir+"/")] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPackAndUnpack(t *testing.T) {
	archive, id := goodPack(t, base(), []debtest.File{
		debtest.Dir("./lib/", 0o755), debtest.Dir("./usr/lib/", 0o700),
		debtest.Regular("./lib/merged", 0o644, "merged"),
		debtest.Regular("./usr/bin/su", 0o4711, "su"),
		debtest.Regular("./etc/secret", 0o600, "secret"),
		debtest.Link("./usr/lib/hard", "./lib/merged"),
		debtest.Symlink("./usr/lib/soft", "hard"),
		debtest.Regular("./usr/share/doc/README", 0o644, "dropped"),
	})
	if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != id {
		t.Errorf("identity %s, want the archive's sum %x", id, sum)
	}
	got := list(t, unpack(t, archive))
	for name, want := range map[string]string{
		"bin":            "Lrwxrwxrwx usr/bin",
		"build":          "drwxr-xr-x",
		"etc/localtime":  "Lrwxrwxrwx ../usr/share/zoneinfo/Etc/UTC",
		"etc/secret":     "-rw-r--r-- secret",
		"tmp":            "dtrwxrwxrwx",
		"usr/bin/cc":     "Lrwxrwxrwx gcc",
		"usr/bin/su":     "-rwxr-xr-x su",
		"usr/lib":        "drwxr-xr-x",
		"usr/lib/hard":   "-rw-r--r-- merged",
		"usr/lib/merged": "-rw-r--r-- merged",
		"usr/lib/soft":   "Lrwxrwxrwx hard",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"usr/share/doc", "usr/share/doc/README"} {
		if text, there := got[name]; there {
			t.Errorf("%s (%s) should have been dropped", name, text)
		}
	}
	if !strings.Contains(got["etc/passwd"], "build:x:1000:1000:") {
		t.Errorf("etc/passwd is %q", got["etc/passwd"])
	}
}

func TestPackIsDeterministic(t *testing.T) {
	a, idA := goodPack(t, base(), []debtest.File{debtest.Dir("./usr/", 0o755), debtest.Regular("./usr/x", 0o644, "x")})
	b, idB := goodPack(t, base(), []debtest.File{debtest.Dir("./usr/", 0o755), debtest.Regular("./usr/x", 0o644, "x")})
	if !bytes.Equal(a, b) || idA != idB {
		t.Errorf("two runs gave %s and %s", idA, idB)
	}
}

func TestPackRefuses(t *testing.T) {
	usr := debtest.Dir("./usr/", 0o755)
	device := debtest.File{Header: tar.Header{Typeflag: tar.TypeChar, Name: "./usr/null"}}
	for name, tt := range map[string]struct {
		packages [][]debtest.File
		want     string
	}{
		"one file twice": {[][]debtest.File{base(), {debtest.Regular("./usr/x", 0o644, "")}, {debtest.Regular("./usr/x", 0o644, "")}},
			"packages p1 and p2 both have usr/x"},
		"one file twice by the merge": {[][]debtest.File{base(), {debtest.Regular("./bin/x", 0o644, "")}, {debtest.Regular("./usr/bin/x", 0o644, "")}},
			"packages p1 and p2 both have usr/bin/x"},
		"file and folder": {[][]debtest.File{base(), {usr, debtest.Dir("./usr/x/", 0o755)}, {debtest.Regular("./usr/x", 0o644, "")}},
			"package p2 has usr/x, which is a folder in another"},
		"no folder":   {[][]debtest.File{base(), {debtest.Regular("./opt/x", 0o644, "")}}, "no package has its folder"},
		"no gcc":      {[][]debtest.File{{usr}}, "no package has"},
		"leaves":      {[][]debtest.File{base(), {debtest.Regular("./../x", 0o644, "")}}, "leaves the root"},
		"link leaves": {[][]debtest.File{base(), {debtest.Link("./usr/x", "../../x")}}, "leaves the root"},
		"device":      {[][]debtest.File{base(), {device}}, "cannot have"},
		"own link": {[][]debtest.File{base(), {debtest.Regular("./usr/bin/cc", 0o755, "")}},
			"package p1 has the link usr/bin/cc of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := pack(t, tt.packages...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Pack: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPackChecksPackages(t *testing.T) {
	dir := t.TempDir()
	lock := lockfile.Lock{Packages: []lockfile.Package{{Name: "a", Path: "pool/a.deb", SHA256: strings.Repeat("0", 64)}}}
	_, err := Pack(t.Context(), lock, dir, &bytes.Buffer{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Pack without the file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.deb"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Pack(t.Context(), lock, dir, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "packing a.deb: expected sha256 0000") {
		t.Errorf("Pack of another file: %v", err)
	}
}

// writePair writes an archive and its identity file and returns their names.
func writePair(t *testing.T, archive []byte, id string) (string, string) {
	t.Helper()
	dir := t.TempDir()
	a, i := filepath.Join(dir, "sdk.tar.zst"), filepath.Join(dir, "sdk.id")
	if err := errors.Join(os.WriteFile(a, archive, 0o644), os.WriteFile(i, []byte(id+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return a, i
}

func TestRootUnpacksOnce(t *testing.T) {
	archive, id := goodPack(t, base())
	file, idFile := writePair(t, archive, id)
	cache := t.TempDir()
	// What a killed process left must not be in the result.
	stale := filepath.Join(cache, "sdk", id+".new", "stale")
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	roots := make([]string, 4)
	var all sync.WaitGroup
	for i := range roots {
		all.Go(func() {
			var err error
			if roots[i], err = Root(t.Context(), file, idFile, cache); err != nil {
				t.Errorf("Root: %v", err)
			}
		})
	}
	all.Wait()
	for _, root := range roots {
		if want := filepath.Join(cache, "sdk", id); root != want {
			t.Errorf("Root: %s, want %s", root, want)
		}
	}
	if _, there := list(t, roots[0])["stale"]; there {
		t.Error("the result has what an earlier process left")
	}
	// The archive is not needed any more.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := Root(t.Context(), file, idFile, cache); err != nil {
		t.Errorf("Root again: %v", err)
	}
}

func TestRootRemovesWhatIsUnused(t *testing.T) {
	archive, id := goodPack(t, base())
	file, idFile := writePair(t, archive, id)
	cache := t.TempDir()
	parent := filepath.Join(cache, "sdk")
	long := time.Now().Add(-2 * unusedAfter)
	for _, name := range []string{"old", "used", "busy"} {
		lock := filepath.Join(parent, name+".lock")
		err := errors.Join(os.MkdirAll(filepath.Join(parent, name, "usr"), 0o755), os.WriteFile(lock, nil, 0o644), os.Chtimes(lock, long, long))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := markUsed(filepath.Join(parent, "used"), time.Now()); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(t.Context(), filepath.Join(parent, "busy.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := Root(t.Context(), file, idFile, cache); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{id: true, "old": false, "used": true, "busy": true} {
		if got := isDir(filepath.Join(parent, name)); got != want {
			t.Errorf("the cache has the SDK %q: %v, want %v", name, got, want)
		}
	}
}

func TestRootRefuses(t *testing.T) {
	archive, id := goodPack(t, base())
	flipped := bytes.Clone(archive)
	flipped[len(flipped)-3] ^= 1
	for name, tt := range map[string]struct {
		archive []byte
		id      string
		want    string
	}{
		"no identity":  {archive, "none", "holds no identity"},
		"truncated":    {archive[:len(archive)/2], id, "is not the SDK it should be"},
		"flipped byte": {flipped, id, "is not the SDK it should be"},
	} {
		t.Run(name, func(t *testing.T) {
			file, idFile := writePair(t, tt.archive, tt.id)
			cache := t.TempDir()
			_, err := Root(t.Context(), file, idFile, cache)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Root: %v, want %q", err, tt.want)
			}
			for _, name := range []string{id, id + ".new"} {
				if _, err := os.Stat(filepath.Join(cache, "sdk", name)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the cache has %s after a failure: %v", name, err)
				}
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	archive, _ := goodPack(t, base())
	for name, tt := range map[string]struct {
		archive []byte
		want    string
	}{
		"no archive":      {[]byte("not an archive at all"), "this is no SDK archive"},
		"empty":           {nil, "EOF"},
		"cut in a frame":  {archive[:len(archive)/2], "the archive is truncated"},
		"cut in a length": {archive[:indexSize-1], "reading the length of a chunk"},
		"leaves":          {oneFile(t, &tar.Header{Typeflag: tar.TypeReg, Name: "../x"}), "leaves the root"},
		"link leaves":     {oneFile(t, &tar.Header{Typeflag: tar.TypeLink, Name: "x", Linkname: "/etc/passwd"}), "leaves the root"},
		"device":          {oneFile(t, &tar.Header{Typeflag: tar.TypeChar, Name: "x"}), "is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			file, _ := writePair(t, tt.archive, "")
			if err := Unpack(t.Context(), file, t.TempDir()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Unpack: %v, want %q", err, tt.want)
			}
		})
	}
}

// oneFile returns an archive with one entry.
func oneFile(t testing.TB, h *tar.Header) []byte {
	t.Helper()
	h.ModTime = stamp
	frame, err := compress(func(out *tar.Writer) error { return out.WriteHeader(h) })
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := writeChunk(&archive, frame); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func TestRootEndsWithItsContext(t *testing.T) {
	archive, id := goodPack(t, base())
	file, idFile := writePair(t, archive, id)
	cache := t.TempDir()
	if err := os.Mkdir(filepath.Join(cache, "sdk"), 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(t.Context(), filepath.Join(cache, "sdk", id+".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Root(ctx, file, idFile, cache); !errors.Is(err, context.Canceled) {
		t.Errorf("Root while another process unpacks: %v, want the cancellation", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(oneFile(f, &tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755}))
	f.Add(oneFile(f, &tar.Header{Typeflag: tar.TypeSymlink, Name: "x", Linkname: "y"}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		outer := t.TempDir()
		file, dir := filepath.Join(outer, "archive"), filepath.Join(outer, "dir")
		if err := errors.Join(os.WriteFile(file, archive, 0o644), os.Mkdir(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		_ = Unpack(t.Context(), file, dir) // must not panic or hang
		if entries, err := os.ReadDir(outer); err != nil || len(entries) != 2 {
			t.Errorf("files beside the folder: %v, %v", entries, err)
		}
	})
}
