package cmdline_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/verity"
)

func sample(t testing.TB) cmdline.Root {
	t.Helper()
	hash, err := verity.ParseRootHash("84a818e8061f8acd4710a8d3063022dc2c2e81a90fbbce0946a89d1fced52409")
	if err != nil {
		t.Fatal(err)
	}
	return cmdline.Root{Hash: hash, Salt: []byte{0x30, 0x65}, Blocks: 2203}
}

const line = `dm-mod.create="root,,,ro,0 17624 verity 1 PARTUUID=84a818e8-061f-8acd-4710-a8d3063022dc PARTUUID=2c2e81a9-0fbb-ce09-46a8-9d1fced52409 4096 4096 2203 1 sha256 84a818e8061f8acd4710a8d3063022dc2c2e81a90fbbce0946a89d1fced52409 3065 2 restart_on_corruption ignore_zero_blocks" dm-mod.waitfor=PARTUUID=84a818e8-061f-8acd-4710-a8d3063022dc,PARTUUID=2c2e81a9-0fbb-ce09-46a8-9d1fced52409 root=/dev/dm-0 rootfstype=erofs ro panic=10`

func TestBuildAndParse(t *testing.T) {
	for _, extra := range []string{"", "quiet console=ttyS0"} {
		got, err := cmdline.Build(sample(t), extra)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSpace(line + " " + extra)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("command line (-want +got):\n%s", diff)
		}
		root, err := cmdline.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sample(t), *root); diff != "" {
			t.Errorf("parsed root (-want +got):\n%s", diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for name, bad := range map[string]string{
		"empty":                 "",
		"no quote":              `dm-mod.create="root`,
		"too few words":         `dm-mod.create="root,,,ro,0 17624"`,
		"other root hash":       strings.Replace(line, "sha256 84", "sha256 85", 1),
		"other sector count":    strings.Replace(line, "17624", "17632", 1),
		"other partition":       strings.Replace(line, "waitfor=PARTUUID=84", "waitfor=PARTUUID=85", 1),
		"no corruption option":  strings.Replace(line, "restart_on_corruption", "ignore_corruption", 1),
		"block count overflows": strings.Replace(line, " 2203 ", " 99999999999999999999 ", 1),
		"writable":              strings.Replace(line, "rootfstype=erofs ro", "rootfstype=erofs rw", 1),
		"text before":           "quiet " + line,
		"no space after":        line + "0",
	} {
		if _, err := cmdline.Parse(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(line)
	f.Fuzz(func(t *testing.T, s string) {
		root, err := cmdline.Parse(s)
		if err == nil && !strings.HasPrefix(s, root.String()) {
			t.Errorf("accepted %q, which is not what Build makes", s)
		}
		if err == nil && bytes.Equal(root.Hash[:], make([]byte, 32)) && !strings.Contains(s, strings.Repeat("0", 64)) {
			t.Error("root hash read out of nothing")
		}
	})
}
