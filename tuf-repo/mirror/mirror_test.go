package mirror_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/tuf-repo/client"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/mirror"
	"github.com/slipway-os/slipway/tuf-repo/repotest"
)

func add(t *testing.T, r *repotest.Repo, version string) {
	t.Helper()
	r.Add(t, manifest.Image{Variant: "base", Arch: "x86_64", Version: version, RootHash: strings.Repeat("ab", 32)}, map[manifest.Role][]byte{
		manifest.RoleRoot: bytes.Repeat([]byte(version), 10000), manifest.RoleUKI: []byte("uki " + version), manifest.RoleFacts: []byte("{}"),
	}, nil)
}

func options(r *repotest.Repo, dir string) mirror.Options {
	return mirror.Options{Source: client.Source{Metadata: r.MetadataURL(), Targets: r.TargetsURL(), HTTP: r.Client()}, Root: r.Root(), Dir: dir}
}

// public lists the files that hosts can see, with their contents.
func public(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, top := range []string{"metadata", "targets"} {
		err := filepath.WalkDir(filepath.Join(dir, top), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			files[strings.TrimPrefix(path, dir)] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// use reads a whole mirror as a host does.
func use(t *testing.T, r *repotest.Repo, dir string) []string {
	t.Helper()
	ctx := context.Background()
	c, err := client.New(ctx, r.Root(), t.TempDir(), client.Of(dir), r.Expires().Add(-1))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(); err != nil {
		t.Fatal(err)
	}
	m, err := c.Manifest(ctx, repotest.Channel)
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for n := range m.Images {
		i := &m.Images[n]
		for k := range i.Artefacts {
			info, err := c.Target(m.TargetPath(i, &i.Artefacts[k]))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Copy(ctx, info, io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		versions = append(versions, i.Version)
	}
	return versions
}

// TestFaults has a good mirror meet a bad source: it stays as it was.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault repotest.Fault
		want  string
	}{
		{"expired", repotest.Expired("timestamp"), "expired"},
		{"rolled back", repotest.RolledBack("timestamp"), "new timestamp version"},
		{"channel rolled back", repotest.RolledBack(repotest.Channel), "stable.json"},
		{"mixed", repotest.Mixed(), "version"},
		{"wrong key", repotest.WrongKey(repotest.Channel), "not enough signatures"},
		{"threshold", repotest.ThresholdNotMet("targets"), "got 1, want 2"},
		{"endless metadata", repotest.EndlessData("snapshot.json"), "bytes that it may have"},
		{"endless target", repotest.EndlessData("root.erofs"), "more than the 50000 bytes"},
		{"truncated", repotest.Truncated("root.erofs"), "unexpected EOF"},
		{"corrupted", repotest.Corrupted("root.erofs"), "not those that were signed"},
		{"redirect", repotest.RedirectTo("http://127.0.0.1:1"), "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := repotest.New(t)
			add(t, r, "1.0.0")
			dir := t.TempDir()
			if _, err := mirror.Copy(context.Background(), options(r, dir)); err != nil {
				t.Fatal(err)
			}
			before := public(t, dir)
			if tt.name == "mixed" || strings.Contains(tt.name, "rolled back") {
				add(t, r, "1.0.1")
				if _, err := mirror.Copy(context.Background(), options(r, dir)); err != nil {
					t.Fatal(err)
				}
				before = public(t, dir)
				if tt.name == "mixed" { // a newer snapshot, an older channel
					add(t, r, "1.1.0")
				}
			} else {
				add(t, r, "1.1.0")
			}
			r.Order(t, tt.fault)
			_, err := mirror.Copy(context.Background(), options(r, dir))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Copy = %v, want an error with %q", err, tt.want)
			}
			after := public(t, dir)
			for name := range after { // whole targets of the newer state may lie there: nobody lists them
				if _, ok := before[name]; !ok && strings.HasPrefix(name, "/targets/") && !strings.HasSuffix(name, ".writing") {
					delete(after, name)
				}
			}
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("the mirror changed (-before +after):\n%s", d)
			}
			use(t, r, dir)
		})
	}
}

func TestRenew(t *testing.T) {
	r := repotest.New(t)
	dir := t.TempDir()
	for n, version := range []string{"1.0.0", "1.1.0"} {
		add(t, r, version)
		report, err := mirror.Copy(context.Background(), options(r, dir))
		if err != nil {
			t.Fatal(err)
		}
		if report.Fetched != 4 || report.Files != 1+3*(n+1) {
			t.Errorf("copy %d: %+v", n, report)
		}
	}
	if d := cmp.Diff([]string{"1.0.0", "1.1.0"}, use(t, r, dir)); d != "" {
		t.Errorf("versions (-want +got):\n%s", d)
	}
}
