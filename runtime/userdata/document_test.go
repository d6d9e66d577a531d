package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
)

// pack packs by gzip.
func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// texts are values as tests write them.
func texts(v settings.Values) map[string]string {
	out := map[string]string{}
	for k, raw := range v {
		out[k] = string(raw)
	}
	return out
}

type parseTest struct {
	name     string
	in       string
	want     map[string]string
	warnings []string // starts of them
	err      string   // start of it
}

func (tc parseTest) run(t *testing.T) {
	got, warnings, err := Parse([]byte(tc.in), settings.Base())
	if tc.want == nil {
		tc.want = map[string]string{}
	}
	if d := cmp.Diff(tc.want, texts(got)); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	if len(warnings) != len(tc.warnings) {
		t.Errorf("warnings %q, want %q", warnings, tc.warnings)
	}
	for i, w := range tc.warnings {
		if i < len(warnings) && !strings.HasPrefix(warnings[i], w) {
			t.Errorf("warning %q, want %q", warnings[i], w)
		}
	}
	switch {
	case tc.err == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case tc.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.err)):
		t.Errorf("error %v, want %q", err, tc.err)
	case err != nil && len(settings.Problems(err)) == 0:
		t.Errorf("error %v is no problem", err)
	}
}

func TestParseTOML(t *testing.T) {
	open := map[string]string{"api.virtio-serial": "true"}
	for _, tc := range []parseTest{
		{name: "empty"},
		{name: "only a comment", in: "# nothing\n"},
		{name: "settings without anything", in: "[settings]\n"},
		{name: "a table", in: "[settings.api]\nvirtio-serial = true\n", want: open},
		{name: "one line", in: "settings.api.virtio-serial = true", want: open},
		{name: "inline tables", in: "settings = {api = {virtio-serial = true}}", want: open},
		{name: "windows line ends", in: "[settings.api]\r\nvirtio-serial = true\r\n", want: open},
		{name: "byte order mark", in: "\ufeff[settings.api]\nvirtio-serial = true\n", want: open},
		{
			name: "quoted key", in: "[settings.kernel.sysctl]\n\"net.ipv4.ip_forward\" = \"1\"\n",
			want: map[string]string{`kernel.sysctl."net.ipv4.ip_forward"`: `"1"`},
		},
		{
			name: "group of another variant",
			in:   "[settings.api]\nvirtio-serial = true\n\n[settings.kubernetes]\ncluster-name = \"x\"\nmax-pods = 3\n",
			want: open, warnings: []string{"line 4: settings.kubernetes: this group belongs to another variant"},
		},
		{
			name: "unknown group", in: "[settings.frobnicator]\nx = 1\n",
			warnings: []string{"line 1: settings.frobnicator: no such group of settings; it is not used"},
		},
		{
			name: "outside settings", in: "x = 1\n[setting.api]\nvirtio-serial = true\n",
			warnings: []string{`line 2: "setting" is not below settings`, `line 1: "x" is not below settings`},
		},
		{
			name: "wrong type", in: "[settings.api]\n\nvirtio-serial = \"yes\"\n",
			err: "line 3: settings.api.virtio-serial: is of the wrong type (expected",
		},
		{
			name: "wrong type in an inline table", in: "[settings]\nmotd = \"x\"\napi = {\n  virtio-serial = 3 }\n",
			err: "line 4: settings.api.virtio-serial: ",
		},
		{
			name: "wrong type by a dotted key", in: "motd = 1\n[settings]\napi.virtio-serial = 3\n",
			warnings: []string{"line 1: "}, err: "line 3: settings.api.virtio-serial: ",
		},
		{
			name: "wrong value in a list", in: "[settings.ntp]\n# why\ntime-servers = [\"ok.example\",\n  \"not ok\"]\n",
			err: "line 3: settings.ntp.time-servers[1]: ",
		},
		{
			name: "misspelled", in: "[settings.api]\nvirtio-serail = true\n",
			err: "line 2: settings.api.virtio-serail: no such setting; did you mean",
		},
		{
			name: "several mistakes in the order of lines", in: "[settings.ntp]\nwindow = 2\n[settings.api]\ndoor = 1\n",
			err: "line 2: settings.ntp.window: no such setting (expected one of time-servers, options)\nline 4: settings.api.door: ",
		},
		{name: "group is no table", in: "settings.api = 3", err: "line 1: settings.api: "},
		{name: "settings is no table", in: "\nsettings = 3", err: "line 2: settings is not a table"},
		{name: "settings is a list", in: "[[settings]]\nmotd = 'x'\n", err: "line 1: settings is not a table"},
		{name: "a date", in: "[settings]\nmotd = 1979-05-27\n", err: "line 2: settings.motd: is of the wrong type"},
		{name: "syntax", in: "[settings.api]\nvirtio-serial = tru\n", err: "line 2: the TOML is not valid: "},
		{name: "no end of a list", in: "[settings.ntp]\ntime-servers = [\n", err: "line 2: the TOML is not valid: "},
		{name: "twice", in: "[settings.api]\nvirtio-serial = true\nvirtio-serial = true\n", err: "line 3: the TOML is not valid: key virtio-serial is already defined"},
		{name: "cloud-init", in: "#cloud-config\nusers: []\n", err: "line 1: this is #cloud-config, which this host does not read: write TOML with [settings.…] groups"},
		{name: "cloud-init after space", in: "\n\n#cloud-config\n", err: "line 3: this is #cloud-config"},
		{name: "script", in: "#!/bin/sh\nreboot\n", err: "line 1: this is a script, and this host runs none: write TOML"},
		{name: "include", in: "#include\nhttps://example\n", err: "line 1: this is a list of addresses for cloud-init"},
		{name: "comment like include", in: "#includes nothing\n"},
		{name: "Ignition", in: `{"ignition": {"version": "3.0.0"}}`, err: "line 1: this is JSON"},
		{name: "PowerShell", in: "<powershell>", err: "line 1: this is a script or XML"},
		{name: "template", in: "## template: jinja\n", err: "line 1: this is a template for cloud-init"},
		{name: "binary", in: "[settings.api]\n\xff", err: "line 2: is not UTF-8 text"},
		{name: "huge", in: strings.Repeat("#", MaxSize+1), err: "the user data are larger than 1048576 bytes"},
		{name: "deep", in: "a = " + strings.Repeat("[", MaxSize-10), err: "line 1: the TOML is not valid: "},
	} {
		t.Run(tc.name, tc.run)
	}
}

func TestParseGzip(t *testing.T) {
	good := string(pack(t, "[settings]\nmotd = \"hi\"\n"))
	for _, tc := range []parseTest{
		{name: "good", in: good, want: map[string]string{"motd": `"hi"`}},
		{name: "two members", in: string(pack(t, "[settings]\n")) + string(pack(t, "motd = \"hi\"\n")), want: map[string]string{"motd": `"hi"`}},
		{name: "mistake", in: string(pack(t, "[settings]\nmotd = 1\n")), err: "line 2: settings.motd: "},
		{name: "cut off", in: good[:len(good)-4], err: "the gzip data are broken: unexpected EOF"},
		{name: "only the start", in: "\x1f\x8b", err: "the gzip data are broken: "},
		{name: "checksum", in: good[:len(good)-8] + "\x00\x00\x00\x00" + good[len(good)-4:], err: "the gzip data are broken: gzip: invalid checksum"},
		{name: "packed twice", in: string(pack(t, good)), err: "the user data are packed twice"},
		{name: "as large as it may be", in: string(pack(t, strings.Repeat("#", MaxSize)))},
		{name: "bomb", in: string(pack(t, strings.Repeat("#", 64<<20))), err: "the user data are larger than 1048576 bytes once they are unpacked"},
	} {
		t.Run(tc.name, tc.run)
	}
}

// multipart puts parts, each a header and a body, between boundaries.
func multipart(parts ...string) string {
	var b strings.Builder
	b.WriteString("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==X==\"\n\npreamble\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "--==X==\n%s\n", p)
	}
	return b.String() + "--==X==--\nepilogue\n"
}

func TestParseMIME(t *testing.T) {
	const plain = "Content-Type: text/x-toml\n\n"
	encoded := base64.StdEncoding.EncodeToString([]byte("[settings]\nmotd = \"b\"\n"))
	wrong := base64.StdEncoding.EncodeToString([]byte("[settings]\n\nmotd = 1\n"))
	packed := base64.StdEncoding.EncodeToString(pack(t, "[settings]\nmotd = \"z\"\n"))
	bomb := "Content-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(pack(t, strings.Repeat("#", MaxSize*2/3)))
	hi := map[string]string{"motd": `"hi"`}
	for _, tc := range []parseTest{
		{name: "one part", in: multipart(plain + "[settings]\nmotd = \"hi\""), want: hi},
		{name: "windows line ends", in: strings.ReplaceAll(multipart(plain+"[settings]\nmotd = \"hi\""), "\n", "\r\n"), want: hi},
		{name: "no header", in: multipart("\n[settings]\nmotd = \"hi\""), want: hi},
		{name: "packed as a whole", in: string(pack(t, multipart(plain+"settings.motd = \"hi\""))), want: hi},
		{name: "not multipart", in: "Content-Type: application/toml\n\n[settings]\nmotd = \"hi\"\n", want: hi},
		{
			name: "later parts override",
			in:   multipart(plain+"[settings]\nmotd = \"a\"\napi.virtio-serial = true", plain+"settings.motd = \"hi\""),
			want: map[string]string{"motd": `"hi"`, "api.virtio-serial": "true"},
		},
		{name: "base64", in: multipart("Content-Transfer-Encoding: BASE64\n\n" + encoded[:20] + "\n" + encoded[20:]), want: map[string]string{"motd": `"b"`}},
		{name: "base64 of gzip", in: multipart("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + packed), want: map[string]string{"motd": `"z"`}},
		{name: "quoted-printable", in: multipart("Content-Transfer-Encoding: quoted-printable\n\nsettings.motd =3D =\n\"hi\""), want: hi},
		{
			name: "other types",
			in:   multipart("Content-Type: text/x-shellscript\n\n#!/bin/sh", "Content-Type: text/cloud-config\n\n#cloud-config", plain+"settings.motd = \"hi\""),
			want: hi,
			warnings: []string{
				`line 8: part 1 is of the type "text/x-shellscript"; it is not used`,
				`line 12: part 2 is of the type "text/cloud-config"; it is not used: write TOML`,
			},
		},
		{name: "multipart in multipart", in: multipart("Content-Type: multipart/mixed; boundary=Y\n\n--Y--"), warnings: []string{`line 8: part 1 is of the type "multipart/mixed"`}},
		{name: "cloud-init as plain text", in: multipart("\n#cloud-config"), err: "line 7: this is #cloud-config"},
		{name: "warning", in: multipart(plain + "[settings.kubernetes]"), warnings: []string{"line 8: settings.kubernetes: "}},
		{name: "mistakes", in: multipart(plain+"[settings]\nmotd = 1", plain+"settings.motd = 2"), err: "line 9: settings.motd: is of the wrong type (expected text, found 1)\nline 13: settings.motd: "},
		{
			name: "mistake in an encoded part", in: multipart("Content-Transfer-Encoding: base64\n\n" + wrong),
			err: "line 8: settings.motd: is of the wrong type (in line 3 of the part, which is encoded)",
		},
		{name: "broken base64", in: multipart("Content-Transfer-Encoding: base64\n\n!!"), err: `line 8: decoding a part by "base64": `},
		{name: "unknown encoding", in: multipart("Content-Transfer-Encoding: uuencode\n\nx"), err: `line 8: decoding a part by "uuencode": no such encoding`},
		{name: "broken gzip", in: multipart("\n\x1f\x8bxx"), err: "line 7: the gzip data are broken"},
		{name: "broken type", in: multipart("Content-Type: ;\n\nx"), err: "line 7: the Content-Type"},
		{name: "broken header", in: multipart("no header\n\nx"), err: "line 6: the MIME header is not valid"},
		{name: "cut off", in: strings.TrimSuffix(multipart(plain+"settings.motd = \"hi\""), "--==X==--\nepilogue\n"), err: "the closing boundary is missing"},
		{name: "no boundary", in: "Content-Type: multipart/mixed\n\n", err: "line 1: the multipart header names no boundary"},
		{name: "many parts", in: multipart(make([]string, maxParts+1)...), err: "line "},
		{name: "bombs", in: multipart(bomb, bomb), err: "line 12: the user data are larger than 1048576 bytes once they are unpacked"},
	} {
		t.Run(tc.name, tc.run)
	}
}

// TestParseBottlerocket reads documents as Bottlerocket's docs have them, each
// with the warnings that it must give beside it.
func TestParseBottlerocket(t *testing.T) {
	files, err := filepath.Glob("testdata/bottlerocket/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			doc, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".toml") + ".warnings")
			if err != nil {
				t.Fatal(err)
			}
			values, warnings, err := Parse(doc, settings.Base())
			if err != nil {
				t.Errorf("Parse: %v", err)
			}
			if len(values) == 0 {
				t.Error("nothing of it is used")
			}
			if d := cmp.Diff(string(want), strings.Join(append(warnings, ""), "\n")); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
		})
	}
}

// TestHostileKeys: long, deep and many keys are told before they cost more than
// the text.
func TestHostileKeys(t *testing.T) {
	for _, tc := range []parseTest{
		{name: "long", in: "[settings]\n" + strings.Repeat("k", MaxSize/2) + "=1\n", err: "line 2: a key is longer than 512 bytes"},
		{name: "long table", in: "[settings." + strings.Repeat("k", MaxSize/2) + "]\n" + manyKeys(1000), err: "line 1: a key is longer"},
		{name: "deep", in: "[settings" + strings.Repeat(".a", MaxSize/4) + "]\n", err: "line 1: a key has more than 32 segments"},
		{name: "deep inline", in: strings.Repeat("a={", 100) + strings.Repeat("}", 100), err: "line 1: a key has more than 32 segments"},
		{name: "many", in: manyKeys(100000), err: "line 8193: there are more than 8192 keys"},
	} {
		t.Run(tc.name, tc.run)
	}
	_, warnings, err := Parse([]byte(manyKeys(8000)), settings.Base())
	if err != nil || len(warnings) != maxStrangers+1 {
		t.Errorf("%d warnings, error %v, want %d and one that there are more", len(warnings), err, maxStrangers)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=1\n", i)
	}
	return b.String()
}

// FuzzParse: no panic, no settings beside an error, every mistake is a Problem
// whose line lies in the text, every warning names its line or is the last.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "[settings.api]\nvirtio-serial = true\n", "settings.api = 3", "settings = []",
		"[[settings.api]]\n", "[settings.api.virtio-serial]\nx=1", "a.b.c = {d = [1, {e = 2}]}",
		"[settings]\n\"api\".\"virtio-serial\" = \"\\u00e9\"", "#cloud-config", "\xef\xbb\xbfx = 1",
		"[settings]\nmotd = 1979-05-27T07:32:00Z", string(pack(f, "[settings]\nmotd = 'x'")), "Content-Type: text/x-toml\n\nx=1",
		multipart("Content-Transfer-Encoding: base64\n\nW3NldHRpbmdzXQ==", "Content-Type: a/b; c=d\r\n\r\nsettings.motd=1"),
	} {
		f.Add([]byte(seed))
	}
	s := settings.Base()
	f.Fuzz(func(t *testing.T, data []byte) {
		values, warnings, err := Parse(data, s)
		if err == nil {
			if err := s.Check(values); err != nil && strings.Contains(err.Error(), "wrong type") {
				t.Errorf("values of a wrong type: %v", err)
			}
		} else {
			judgeError(t, data, values, err)
		}
		for i, w := range warnings {
			if !strings.HasPrefix(w, "line ") && i != len(warnings)-1 {
				t.Errorf("warning %q names no line", w)
			}
		}
	})
}

func judgeError(t *testing.T, data []byte, values settings.Values, err error) {
	if len(values) > 0 {
		t.Errorf("settings %v in spite of %v", values, err)
	}
	problems := settings.Problems(err)
	if len(problems) == 0 {
		t.Errorf("error %T is no Problem: %v", err, err)
	}
	room := MaxSize
	text, unpacked := unpack(data, &room)
	if unpacked != nil {
		text = data
	}
	lines := bytes.Count(text, []byte("\n")) + 1
	for _, p := range problems {
		if p.Line < 0 || p.Line > lines+1 {
			t.Errorf("a mistake on line %d of %d: %v", p.Line, lines, p)
		}
	}
}
