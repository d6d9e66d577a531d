package render

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pelletier/go-toml/v2"
)

// expand renders one body with the setting "v".
func expand(t *testing.T, root, body string, v any) (string, error) {
	t.Helper()
	set := load(t, map[string]string{"x": header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["v"]`) + body})
	_, err := set.Render(root, set.All(), map[string]any{"v": v})
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(root, "/etc/x"))
	if os.IsNotExist(err) {
		return "", nil
	}
	return string(b), err
}

func TestHelpers(t *testing.T) {
	list := []any{"a", "b"}
	for _, tc := range []struct {
		name, body string
		v          any
		want       string // ERROR and part of a message, for one that refuses
	}{
		{"plain", `x={{ setting "v" }}`, "a b # c", "x=a b # c"},
		{"number", `x={{ setting "v" }}`, float64(1e6), "x=1000000"},
		{"compared number", `{{ if eq (setting "v") 3 }}yes{{ end }}`, float64(3), "yes"},
		{"boolean", `x={{ setting "v" }}`, true, "x=true"},
		{"list", `x={{ setting "v" }}`, list, "ERROR a list cannot be printed"},
		{"table", `x={{ setting "v" }}`, map[string]any{"k": 1}, "ERROR a table cannot be printed"},
		{"nothing", `x={{ settingOr "v.k" nil }}`, "s", "ERROR there is no value"},
		{"line end", `x={{ setting "v" }}`, "a\nb=c", `ERROR '\n'`},
		{"carriage return", `x={{ setting "v" }}`, "a\rb", `ERROR '\r'`},
		{"line separator", `x={{ setting "v" }}`, "a\u2028b", `ERROR '\u2028'`},
		{"next line", `x={{ setting "v" }}`, "a\u0085b", `ERROR '\u0085'`},
		{"zero", `x={{ setting "v" }}`, "a\x00b", `ERROR '\x00'`},
		{"not UTF-8", `x={{ setting "v" }}`, "a\xffb", "ERROR not UTF-8"},
		{"line end by printf", `x={{ printf "%s" (setting "v") }}`, "a\nb", `ERROR '\n'`},
		{"line end by range", `{{ range setting "v" }}{{ . }}{{ end }}`, []any{"a\nb"}, `ERROR '\n'`},
		{"line end by variable", `{{ $x := setting "v" }}x={{ $x }}`, "a\nb", `ERROR '\n'`},
		{"line end in a definition", `{{ define "d" }}{{ . }}{{ end }}{{ template "d" (setting "v") }}`, "a\nb", `ERROR '\n'`},
		{"line end by html", `x={{ setting "v" | html }}`, "a\nb", `ERROR '\n'`},
		{"default", `{{ settingOr "v" nil | default "x" }}`, "", "x"},
		{"default unused", `{{ setting "v" | default "x" }}`, "y", "y"},
		{"isSet", `{{ isSet "v" }} {{ isSet "v.k" }}`, "", "true false"},
		{"get", `{{ get (setting "v") "k" }}{{ getOr (setting "v") "z" "-" }}`, map[string]any{"k": 1}, "1-"},
		{"get nothing", `{{ get (setting "v") "z" }}`, map[string]any{"k": 1}, "ERROR settings.z: is not set"},
		{"get of text", `{{ get (setting "v") "z" }}`, "s", "ERROR not a table"},
		{"word", `{{ setting "v" | word }}`, "time1.example.com", "time1.example.com"},
		{"word with space", `{{ setting "v" | word }}`, "a b", "ERROR not one word"},
		{"word that is a comment", `{{ setting "v" | word }}`, "#a", `ERROR begins with "#"`},
		{"word that is a section", `{{ setting "v" | word }}`, "[Service]", `ERROR begins with "["`},
		{"empty word", `x{{ setting "v" | word }}`, "", "ERROR is empty"},
		{"join", `{{ setting "v" | join "," }}`, list, "a,b"},
		{"join nothing", `x{{ settingOr "v.k" nil | join "," }}`, "s", "x"},
		{"join text", `x{{ setting "v" | join "," }}`, "s", "ERROR cannot be joined"},
		{"join with separator within", `{{ setting "v" | join "," }}`, []any{"a,b"}, `ERROR holds the separator ","`},
		{"join with space within", `{{ setting "v" | join " " }}`, []any{"a b"}, "ERROR not one word"},
		{"join with line end", `{{ setting "v" | join "," }}`, []any{"a\nb"}, `ERROR '\n'`},
		{"words", `{{ setting "v" | words }}`, []any{"minpoll 4", "iburst"}, "minpoll 4 iburst"},
		{"words with line end", `{{ setting "v" | words }}`, []any{"a\nb"}, `ERROR '\n'`},
		{"quote", `{{ setting "v" | quote }}`, `a "b" \c %n`, `"a \"b\" \\c %%n"`},
		{"quote with line end", `{{ setting "v" | quote }}`, "a\nb", `ERROR '\n'`},
		{"env", `{{ setting "v" | env }}`, "a \"b\" \\ $c `d`", "\"a \\\"b\\\" \\\\ \\$c \\`d\\`\""},
		{"env with line end", `{{ setting "v" | env }}`, "a\nb", `ERROR '\n'`},
		{"toml text", `k = {{ setting "v" | toml }}`, "a\"\\\n\x00\u2028ä", `k = "a\"\\\u000A\u0000\u2028ä"`},
		{"toml list", `k = {{ setting "v" | toml }}`, []any{"a", true, 3, 1.5}, `k = ["a", true, 3, 1.5]`},
		{"toml table", `k = {{ setting "v" | toml }}`, map[string]any{"b": 1, "a": []any{}}, `k = {"a" = [], "b" = 1}`},
		{"json", `{{ setting "v" | json }}`, map[string]any{"a": "x\n\u2028<"}, `{"a":"x\n\u2028\u003c"}`},
		{"sysctl", `{{ setting "v" | sysctl }}`, "net.ipv4.ip_forward", "net.ipv4.ip_forward"},
		{"sysctl pattern", `{{ setting "v" | sysctl }}`, "net.ipv4.conf.*.rp_filter", "ERROR one kernel parameter"},
		{"sysctl elsewhere", `{{ setting "v" | sysctl }}`, "../../etc/x", "ERROR not the name of a kernel parameter"},
		{"sysctl with value", `{{ setting "v" | sysctl }}`, "a=b", "ERROR one kernel parameter"},
		{"systemdEscape", `{{ setting "v" | systemdEscape }}`, "a/b-c d", `a-b\x2dc\x20d`},
		{"filename", `{{ setting "v" | filename }}`, "[::1]:5000", "[::1]:5000"},
		{"filename with slash", `{{ setting "v" | filename }}`, "a/b", "ERROR cannot be the name of a file"},
		{"url", `{{ setting "v" | url }}`, "mirror:5000/hub", "https://mirror:5000/hub"},
		{"url of another kind", `{{ setting "v" | url }}`, "ftp://mirror", "ERROR neither an http nor an https URL"},
		{"registry", `{{ setting "v" | registry }}`, "https://r.example.com:5000/v2/", "r.example.com:5000"},
		{"base64", `{{ setting "v" | base64 }}`, "aGVsbG8=", "hello"},
		{"base64 wrong", `{{ setting "v" | base64 }}`, "?", "ERROR not base64"},
		{"base64 with line end", `x={{ setting "v" | base64 }}`, "YQpi", `ERROR '\n'`},
		{"binary", `{{ setting "v" | base64 | binary }}`, "AAEKDf8=", "\x00\x01\n\r\xff"},
		{"text", `{{ setting "v" | text }}`, "a\n\tb", "a\n\tb"},
		{"text with escape", `{{ setting "v" | text }}`, "a\x1b[2J", `ERROR '\x1b'`},
		{"pem without", `{{ setting "v" | pem }}`, "no", "ERROR no certificate"},
		{"pem with a key", `{{ setting "v" | pem }}`, "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", `ERROR a PEM block "PRIVATE KEY"`},
		{"include nothing", `{{ include "/usr/none" }}`, "", "ERROR no such file"},
		{"include elsewhere", `{{ include "/etc/shadow" }}`, "", "ERROR not a file below /usr"},
		{"include by dots", `{{ include "/usr/../etc/shadow" }}`, "", "ERROR not a file below /usr"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := expand(t, t.TempDir(), tc.body, tc.v)
			part, refused := strings.CutPrefix(tc.want, "ERROR ")
			switch {
			case refused && (err == nil || !strings.Contains(err.Error(), part)):
				t.Errorf("got %q, error %v, want an error with %q", got, err, part)
			case !refused && (err != nil || got != tc.want):
				t.Errorf("got %q, error %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestFileIsBounded(t *testing.T) {
	_, err := expand(t, t.TempDir(), `{{ range setting "v" }}{{ . }}{{ end }}`, []any{strings.Repeat("x", maxFile), "y"})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}

// FuzzLine: whatever a value is, a template makes as many lines as it has, and
// what TOML and JSON helpers print can be read back.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "a", "a\nb", "\u2028", "\"", `\`, "'", "%n", "$x", "\x00", "\xff", "]\n[x", "{{ . }}", "\U0001f600"} {
		f.Add(s)
	}
	bodies := []string{
		"a={{ setting `v` }}", "a={{ setting `v` | word }}", "a={{ setting `v` | quote }}", "a={{ setting `v` | env }}",
		"a={{ setting `v` | toml }}", "a={{ setting `v` | json }}", "a={{ setting `v` | sysctl }}",
		"a={{ setting `v` | systemdEscape }}", "a={{ setting `v` | filename }}", "a={{ setting `v` | url }}",
		"a={{ setting `v` | registry }}", "a={{ setting `v` | base64 }}",
	}
	var sets []*Template
	for _, body := range bodies {
		set, err := Load(fstest.MapFS{"x.tmpl": {Data: []byte(header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["v"]`) + body)}})
		if err != nil {
			f.Fatal(err)
		}
		sets = append(sets, set.templates...)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i, x := range sets {
			files, err := x.produce("/", map[string]any{"v": s})
			if err != nil || len(files) == 0 {
				continue
			}
			out := string(files[0].data)
			if strings.ContainsAny(out, "\n\r\x00\u0085\u2028\u2029") {
				t.Errorf("%s with %q makes %q", bodies[i], s, out)
			}
			if strings.Contains(bodies[i], "toml") {
				var doc struct{ A string }
				if err := toml.Unmarshal(files[0].data, &doc); err != nil || doc.A != s {
					t.Errorf("TOML %q of %q: %q, %v", out, s, doc.A, err)
				}
			}
		}
	})
}
