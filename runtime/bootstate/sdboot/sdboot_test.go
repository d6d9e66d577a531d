package sdboot

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		file string
		want Name
		next string
		ok   bool
	}{
		// The series of the comment in boot_entry_parse_tries.
		{"foobar+3.efi", Name{"foobar.efi", true, 3, 0}, "foobar+2-1.efi", true},
		{"foobar+4-0.efi", Name{"foobar.efi", true, 4, 0}, "foobar+3-1.efi", true},
		{"foobar+1-3.efi", Name{"foobar.efi", true, 1, 3}, "foobar+0-4.efi", true},
		{"foobar+0-4.efi", Name{"foobar.efi", true, 0, 4}, "foobar+0-5.efi", true},
		{"foobar.efi", Name{ID: "foobar.efi"}, "foobar.efi", true},
		{"slipway_1.0.0+2-1.efi", Name{"slipway_1.0.0.efi", true, 2, 1}, "slipway_1.0.0+1-2.efi", true},
		// The last plus counts; a counter in the middle, or none, is a name.
		{"a+1+2-3.efi", Name{"a+1.efi", true, 2, 3}, "a+1+1-4.efi", true},
		{"a+3-0x.efi", Name{ID: "a+3-0x.efi"}, "a+3-0x.efi", true},
		{"a+.efi", Name{ID: "a+.efi"}, "a+.efi", true},
		{"a+3-.efi", Name{ID: "a+3-.efi"}, "a+3-.efi", true},
		{"a+99999999999.efi", Name{ID: "a+99999999999.efi"}, "a+99999999999.efi", true},
		{"A.EFI", Name{ID: "a.efi"}, "a.efi", true},
		{"a.efi.new", Name{}, "", false},
		{"auto-x.efi", Name{}, "", false},
		{".a.efi", Name{}, "", false},
	} {
		got, ok := Parse(tc.file)
		if got != tc.want || ok != tc.ok {
			t.Errorf("Parse(%q) = %+v, %v, want %+v, %v", tc.file, got, ok, tc.want, tc.ok)
		}
		if ok && got.Next().File() != tc.next {
			t.Errorf("after a boot %s is %s, want %s", tc.file, got.Next().File(), tc.next)
		}
	}
}

// A trial's name has the same length all along, so that the loader's renaming
// needs no other room in the folder.
func TestNamesKeepTheirLength(t *testing.T) {
	n := Name{ID: "slipway_1.0.0_01234567.efi", Counted: true, Left: 9}
	for range 9 {
		if len(n.Next().File()) != len(n.File()) {
			t.Errorf("%s becomes %s", n.File(), n.Next().File())
		}
		n = n.Next()
	}
	if !n.Bad() {
		t.Errorf("%s is not exhausted", n.File())
	}
}

// The order that the comment of strverscmp_improved gives, and cases of
// src/test/test-string-util.c (test_strverscmp_improved) and the UAPI.10
// Version Format Specification.
func TestCompareVersions(t *testing.T) {
	ordered := []string{
		"", "~1", "122.1", "123~rc1-1", "123", "123-a", "123-a.1", "123-1", "123-1.1", "123^post1", "123.a-1", "123.1-1", "123a-1", "124-1",
	}
	slices.SortFunc(ordered[:2], CompareVersions) // "~1" is older than nothing
	if ordered[0] != "~1" {
		t.Errorf("a tilde is not older than the end: %q", ordered[:2])
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := CompareVersions(a, b); got != cmp.Compare(i, j) {
				t.Errorf("CompareVersions(%q, %q) = %d, want %d", a, b, got, cmp.Compare(i, j))
			}
		}
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"123_a", "123a", 0}, {"00123", "123", 0}, {"1.10", "1.9", 1}, {"1.0.0-rc.1", "1.0.0", 1}, {"1.0.0~rc.1", "1.0.0", -1},
		{"243.1", "242", 1}, {"123.45-67.89", "123.45-67.88", 1}, {"123.a", "123.1", -1}, {"abc", "abcd", -1}, {"B", "a", -1},
		{"0.9.0", "0.10.0", -1}, {"123^1", "123.1", -1}, {"1.0.0+5", "1.0.0", 1}, {"2026.11.28", "2026.2.1", 1}, {"123~~", "123~", 1},
	} {
		if got := CompareVersions(tc.a, tc.b); got != tc.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := CompareVersions(tc.b, tc.a); got != -tc.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tc.b, tc.a, got, -tc.want)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1.0", "1.0~rc1", "1^2-3")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if CompareVersions(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if CompareVersions(a, b) != -CompareVersions(b, a) {
			t.Errorf("%q and %q have no order", a, b)
		}
		if CompareVersions(a, b) < 0 && CompareVersions(b, c) < 0 && CompareVersions(a, c) >= 0 {
			t.Errorf("%q < %q < %q, but not the first and the last", a, b, c)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("a+3-0.efi")
	f.Fuzz(func(t *testing.T, file string) {
		n, ok := Parse(file)
		if !ok {
			return
		}
		again, ok := Parse(n.File())
		if !ok || again.ID != n.ID && !strings.EqualFold(again.ID, n.ID) || again.Left != n.Left || again.Done != n.Done {
			t.Errorf("%q is %+v, but its name %q is %+v", file, n, n.File(), again)
		}
	})
}

func entry(file, version string) Entry {
	n, _ := Parse(file)
	return Entry{Name: n, SortKey: "slipway", Version: version}
}

func TestOrder(t *testing.T) {
	want := []Entry{
		entry("slipway_10.0.0.efi", "10.0.0"),
		entry("slipway_9.0.0_00000000.efi", "9.0.0"), // a number is newer than a letter
		entry("slipway_9.0.0_ffffffff+3-0.efi", "9.0.0"),
		entry("slipway_9.0.0+3-0.efi", "9.0.0"),
		entry("slipway_9.0.0+2-0.efi", "9.0.0"),
		entry("slipway_9.0.0+2-1.efi", "9.0.0"),
		entry("slipway_1.0.0~rc1.efi", "1.0.0~rc1"),
		{Name: Name{ID: "zzz.efi"}, SortKey: "zzz", Version: "99"},
		{Name: Name{ID: "unkeyed.efi"}, Version: "99"},
		entry("slipway_11.0.0+0-3.efi", "11.0.0"), // exhausted: last, though newest
		entry("slipway_8.0.0+0-0.efi", "8.0.0"),
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortStableFunc(got, Compare)
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
}

func TestSelect(t *testing.T) {
	all := func() []Entry {
		return []Entry{entry("slipway_1.efi", "1"), entry("slipway_2+0-3.efi", "2"), entry("slipway_0.efi", "0")}
	}
	for _, tc := range []struct {
		name string
		v    Variables
		want string
	}{
		{"order", Variables{}, "slipway_1.efi"},
		{"one-shot", Variables{OneShot: "slipway_0.efi", Default: "slipway_1.efi"}, "slipway_0.efi"},
		{"gone", Variables{OneShot: "slipway_9.efi", Default: "nothing*"}, "slipway_1.efi"},
		{"default", Variables{Default: "slipway_0.efi"}, "slipway_0.efi"},
		// Why a trial is never made the default: exhausted or not, it is started.
		{"exhausted default", Variables{Default: "slipway_2.efi"}, "slipway_2+0-3.efi"},
		{"pattern", Variables{Default: "slipway_*"}, "slipway_1.efi"},
	} {
		entries := all()
		if at := Select(entries, tc.v); entries[at].File() != tc.want {
			t.Errorf("%s: %s is started, want %s", tc.name, entries[at].File(), tc.want)
		}
	}
	if at := Select(nil, Variables{}); at != -1 {
		t.Errorf("of nothing %d is started", at)
	}
	only := []Entry{entry("slipway_2+0-3.efi", "2")}
	if at := Select(only, Variables{}); at != 0 {
		t.Errorf("the only entry is not started")
	}
}

func TestDescribe(t *testing.T) {
	for _, tc := range []struct {
		release map[string]string
		want    Entry
		ok      bool
	}{
		{map[string]string{"ID": "slipway", "VERSION_ID": "1"}, Entry{SortKey: "slipway", Version: "1"}, true},
		{map[string]string{"ID": "slipway", "IMAGE_ID": "k8s", "VERSION_ID": "1", "VERSION": "1 (x)", "IMAGE_VERSION": "7"}, Entry{SortKey: "k8s", Version: "7"}, true},
		{map[string]string{"PRETTY_NAME": "S", "BUILD_ID": "b"}, Entry{Version: "b"}, true},
		{map[string]string{"VERSION_ID": "1"}, Entry{Version: "1"}, false},
	} {
		if got, ok := Describe(Name{}, tc.release); got != tc.want || ok != tc.ok {
			t.Errorf("%v: %+v, %v", tc.release, got, ok)
		}
	}
}
