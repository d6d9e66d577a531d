package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePartitions(t *testing.T) {
	got, err := parsePartitions([]byte(`{"partitiontable": {"label":"gpt", "unit":"sectors", "sectorsize":512, "partitions": [
		{"node":"d1", "start":2048, "size":262144, "type":"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "name":"ESP"},
		{"node":"d2", "start":264192, "size":786432, "name":"ROOT-A"}]}}`))
	want := []Partition{{"ESP", 1 << 20, 128 << 20}, {"ROOT-A", 129 << 20, 384 << 20}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("(-want +got):\n%s%v", d, err)
	}
	if _, err := parsePartitions([]byte("sfdisk: no")); err == nil {
		t.Error("no JSON: no error")
	}
}

func TestParseExtents(t *testing.T) {
	const head = "Path : /usr/lib/prog\nSize: 300000  On-disk size: 65536  regular file\n\n Ext:   logical offset   |  length :     physical offset    |  length\n"
	const hole = "   0:        0..    4096 |    4096 :          0..         0 |       0\n"
	const data = "   1:     4096..  130977 |  126881 :      81920..    147456 |   65536\n"
	for _, tc := range []struct {
		name, out, err string
		want           int64
	}{
		{"data after a hole", head + hole + data, "", 81920},
		{"only a hole", head + hole, "it has no data", 0},
		{"missing", "<E> erofs: read inode failed @ /nope\n", "no such regular file", 0},
		{"symlink", "Size: 4  On-disk size: 4  symlink file\n" + data, "no such regular file", 0},
	} {
		got, err := parseExtents(tc.out)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.HasPrefix(err.Error(), tc.err) {
			t.Errorf("%s: %d, %v; want %d, %s", tc.name, got, err, tc.want, tc.err)
		}
	}
}

func TestByteAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := ByteAt(path, 2); b != 'c' || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := ByteAt(path, 3); err == nil {
		t.Error("past the end: no error")
	}
}

func TestReadFacts(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFacts(dir); err == nil {
		t.Error("no file: no error")
	}
	for data, want := range map[string]Facts{
		`{"root_hash":"ab","version":"1","arch":"x86_64","other":1}`: {Version: "1", Arch: "x86_64", RootHash: "ab"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "image.json"), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFacts(dir); got != want || err != nil {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}
