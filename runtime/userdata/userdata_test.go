package userdata

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	open := Settings{API: API{VirtioSerial: true}}
	for _, tc := range []struct {
		name     string
		in       string
		want     Settings
		warnings []string
		err      string
	}{
		{name: "empty"},
		{name: "only a comment", in: "# nothing\n"},
		{name: "door open", in: "[settings.api]\nvirtio-serial = true\n", want: open},
		{name: "door shut", in: "[settings.api]\nvirtio-serial = false\n"},
		{name: "one line", in: "settings.api.virtio-serial = true", want: open},
		{name: "windows line ends", in: "[settings.api]\r\nvirtio-serial = true\r\n", want: open},
		{
			name:     "unknown group",
			in:       "[settings.api]\nvirtio-serial = true\n[settings.kubernetes]\ncluster-name = \"x\"\nmax-pods = 3\n",
			want:     open,
			warnings: []string{"line 3: settings.kubernetes: unknown group, not used"},
		},
		{
			name:     "outside settings",
			in:       "[setting.api]\nvirtio-serial = true\n",
			warnings: []string{"line 1: setting: unknown group, not used"},
		},
		{
			name: "wrong type",
			in:   "[settings.api]\n\nvirtio-serial = \"yes\"\n",
			err:  "line 3: settings.api.virtio-serial: ",
		},
		{
			name: "misspelled",
			in:   "[settings.api]\nvirtio-serail = true\n",
			err:  "line 2: settings.api.virtio-serail: no such setting",
		},
		{
			name:     "group and mistake",
			in:       "[settings.ntp]\nservers = []\n[settings.api]\ndoor = 1\nwindow = 2\n",
			warnings: []string{"line 1: settings.ntp: unknown group, not used"},
			err:      "line 4: settings.api.door: no such setting\nline 5: settings.api.window: no such setting",
		},
		{name: "syntax", in: "[settings.api]\nvirtio-serial = tru\n", err: "line 2: "},
		{name: "twice", in: "[settings.api]\nvirtio-serial = true\nvirtio-serial = true\n", err: "line 3: "},
		{name: "cloud-init", in: "#cloud-config\nusers: []\n", err: "line 1: this is #cloud-config"},
		{name: "script", in: "#!/bin/sh\nreboot\n", err: "line 1: this is a script"},
		{name: "binary", in: "[settings.api]\n\xff", err: "line 2: is not UTF-8 text"},
		{name: "huge", in: strings.Repeat("#", MaxSize+1), err: "is larger than 1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, warnings, err := Parse([]byte(tc.in))
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("settings (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.warnings, warnings); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
			switch {
			case tc.err == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case tc.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.err)):
				t.Errorf("error %q, want %q", err, tc.err)
			}
		})
	}
}

// FuzzParse: no panic, no settings beside an error, every mistake is an *Error
// whose line lies in the file, and every warning names its line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "[settings.api]\nvirtio-serial = true\n", "settings.api = 3", "settings = []",
		"[[settings.api]]\n", "[settings.api.virtio-serial]\nx=1", "a.b.c = {d = [1, {e = 2}]}",
		"[settings]\n\"api\".\"virtio-serial\" = \"\\u00e9\"", "#cloud-config", "\xef\xbb\xbfx = 1", "x = 1979-05-27T07:32:00Z",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, warnings, err := Parse(data)
		if err != nil {
			if s != (Settings{}) {
				t.Errorf("settings %+v in spite of %v", s, err)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("error %T is no *Error: %v", err, err)
			} else if lines := strings.Count(string(data), "\n") + 1; e.Line < 0 || e.Line > lines {
				t.Errorf("error on line %d of %d: %v", e.Line, lines, err)
			}
		}
		for _, w := range warnings {
			if !strings.HasPrefix(w, "line ") {
				t.Errorf("warning %q names no line", w)
			}
		}
	})
}
