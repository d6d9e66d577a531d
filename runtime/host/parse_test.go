package host

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOSRelease(t *testing.T) {
	got := parseOSRelease("# c\nA=plain\n\nB=\"two words\"\nC='it''s'\nD=\"a \\\"b\\\" \\$c\"\nE=\n=x\nno\nF=\"")
	want := map[string]string{"A": "plain", "B": "two words", "C": "it''s", "D": `a "b" $c`, "E": "", "F": `"`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestParseMountinfo(t *testing.T) {
	got := parseMountinfo("36 35 98:0 /mnt1 /a\\040b rw master:1 shared:2 - ext3 /dev/root rw,errors=continue\n" +
		"short - a b\n36 35 98:0 / /x rw\n1 2 0:1 / /y rw - tmpfs none\n")
	want := []mount{
		{Device: "98:0", Point: "/a b", FSType: "ext3", Options: []string{"rw", "errors=continue"}},
		{Device: "0:1", Point: "/y", FSType: "tmpfs"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// reply builds a device-mapper reply with the given targets, "type params".
func reply(targets ...string) []byte {
	b := make([]byte, dmHeader)
	le := binary.NativeEndian
	le.PutUint32(b[16:], dmHeader)
	le.PutUint32(b[20:], uint32(len(targets)))
	var data []byte
	for _, t := range targets {
		kind, params, _ := strings.Cut(t, " ")
		spec := make([]byte, dmSpec)
		copy(spec[24:], kind)
		spec = append(append(spec, params...), 0)
		for len(spec)%8 != 0 {
			spec = append(spec, 0)
		}
		le.PutUint32(spec[20:], uint32(len(data)+len(spec)))
		data = append(data, spec...)
	}
	return append(b, data...)
}

func TestDecodeReply(t *testing.T) {
	got, err := decodeReply(reply("verity 1 8:1 8:2", "linear 8:3 0"))
	want := []Target{{"verity", "1 8:1 8:2"}, {"linear", "8:3 0"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("decodeReply: %v (-want +got):\n%s", err, d)
	}
	full := reply("verity x")
	binary.NativeEndian.PutUint32(full[28:], dmBufferFull)
	if _, err := decodeReply(full); err == nil {
		t.Error("a full buffer was accepted")
	}
}

func TestEncodeRequest(t *testing.T) {
	b, err := encodeRequest("253:257", dmStatusTable)
	if err != nil {
		t.Fatal(err)
	}
	// linux/kdev_t.h, huge_encode_dev: minor bits 8 and up go above the major.
	if got, want := binary.NativeEndian.Uint64(b[40:]), uint64(0x10fd01); got != want {
		t.Errorf("dev %#x, want %#x", got, want)
	}
	for _, bad := range []string{"", "253", "a:b", "253:-1", "99999:0"} {
		if _, err := encodeRequest(bad, 0); err == nil {
			t.Errorf("device %q was accepted", bad)
		}
	}
}

func FuzzDecodeReply(f *testing.F) {
	f.Add(reply("verity 1 8:1 8:2", "linear 8:3 0"))
	f.Add(reply())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		targets, err := decodeReply(b)
		if len(targets) > len(b)/dmSpec+1 && err == nil {
			t.Errorf("%d targets out of %d bytes", len(targets), len(b))
		}
	})
}

func FuzzParseText(f *testing.F) {
	f.Add("A=\"x\\\"\"\nB='")
	f.Add("36 35 98:0 / /a\\040b rw - ext3 /dev/root rw")
	f.Add("1 2 3 4 \\0 6 - \\77 \\777")
	f.Fuzz(func(t *testing.T, s string) {
		for k := range parseOSRelease(s) {
			if k == "" {
				t.Error("empty key")
			}
		}
		for _, m := range parseMountinfo(s) {
			if m.Point == "" || m.FSType == "" {
				t.Errorf("incomplete mount %+v", m)
			}
		}
	})
}
