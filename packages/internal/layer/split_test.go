package layer

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	root := tree(t, map[string]string{
		"usr/bin/tool": "", "usr/include/x.h": "", "usr/lib/libx.so": "->libx.so.1", "usr/lib/libx.so.1": "",
		"usr/lib/libx.a": "", "usr/lib/pkgconfig/x.pc": "", "usr/lib/plugin.so": "", "usr/share/man/man1/x.1": "",
		"usr/share/doc/x/README": "", "usr/share/doc/kept": "", "usr/lib/dropped": "", "proc": "/",
	})
	runtime, devel := Split(list(t, root), Policy{Drop: []string{"usr/lib/dropped"}, Keep: []string{"usr/share/doc/kept"}})
	wantRuntime := []string{"proc", "usr", "usr/bin", "usr/bin/tool", "usr/lib", "usr/lib/libx.so.1", "usr/lib/plugin.so",
		"usr/share", "usr/share/doc", "usr/share/doc/kept"}
	wantDevel := []string{"usr", "usr/include", "usr/include/x.h", "usr/lib", "usr/lib/libx.a", "usr/lib/libx.so",
		"usr/lib/pkgconfig", "usr/lib/pkgconfig/x.pc"}
	if got := paths(runtime); !slices.Equal(got, wantRuntime) {
		t.Errorf("runtime: got %q, want %q", got, wantRuntime)
	}
	if got := paths(devel); !slices.Equal(got, wantDevel) {
		t.Errorf("devel: got %q, want %q", got, wantDevel)
	}
}

func TestMerge(t *testing.T) {
	root := tree(t, map[string]string{
		"sbin/init": "", "usr/sbin/tool": "->../bin/tool", "usr/bin/tool": "", "lib64/ld.so": "", "usr/lib/libc.so": "",
		"etc/x.conf": "", "sysroot/usr/lib/systemd/system/x.service": "",
	})
	if err := Merge(root); err != nil {
		t.Fatal(err)
	}
	want := []string{"usr", "usr/bin", "usr/bin/init", "usr/bin/tool", "usr/lib", "usr/lib/ld.so", "usr/lib/libc.so",
		"usr/lib/systemd", "usr/lib/systemd/system", "usr/lib/systemd/system/x.service",
		"usr/share", "usr/share/factory", "usr/share/factory/etc", "usr/share/factory/etc/x.conf"}
	if got := paths(list(t, root)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMergeKeepsMountPointsAndLinks(t *testing.T) {
	root := tree(t, map[string]string{"etc": "/", "bin": "->usr/bin", "usr/sbin": "/", "usr/bin/x": ""})
	if err := Merge(root); err != nil {
		t.Fatal(err)
	}
	if got, want := paths(list(t, root)), []string{"bin", "etc", "usr", "usr/bin", "usr/bin/x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMergeRefusesTwoFilesOfOneName(t *testing.T) {
	if err := Merge(tree(t, map[string]string{"sbin/x": "1", "usr/bin/x": "2"})); err == nil {
		t.Error("two files became one")
	}
}

func TestMatch(t *testing.T) {
	cases := []struct {
		pattern, name string
		want          bool
	}{
		{"usr/lib/*.a", "usr/lib/libc.a", true},
		{"usr/lib/*.a", "usr/lib/x/libc.a", false},
		{"usr/share/man/**", "usr/share/man/man1/x", true},
		{"usr/share/man/**", "usr/share/man", true},
		{"usr/share/man/**", "usr/share/manual", false},
	}
	for _, c := range cases {
		if got := Match([]string{c.pattern}, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
