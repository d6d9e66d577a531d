package settings

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Values that the Rules' Checks take or refuse, beside those of documents.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rule      Rule
		yes, no   []string
		nameOfOne string
	}{
		{Host("").Rule(), []string{"a", "a.example.com.", "192.0.2.1", "2001:db8::1"}, []string{"", "a:", "::g", "a b", "https://a", "-a"}, "Host"},
		{IP("").Rule(), []string{"192.0.2.1", "::", "::ffff:1.2.3.4"}, []string{"", "1.2.3", "1.2.3.256", "fe80::1%eth0", "01.2.3.4"}, "IP"},
		{Prefix4("").Rule(), []string{"192.0.2.1/24", "0.0.0.0/0"}, []string{"192.0.2.1", "192.0.2.1/33", "::1/64"}, "Prefix4"},
		{Prefix6("").Rule(), []string{"2001:db8::1/64"}, []string{"::1", "::1/129", "192.0.2.1/24"}, "Prefix6"},
		{Destination("").Rule(), []string{"default", "10.0.0.0/8", "::/0"}, []string{"Default", "10.0.0.0", "10.0.0.0/40"}, "Destination"},
		{URL("").Rule(), []string{"http://a", "https://u:p@a:1/b?c=d", "https://[::1]:8/"}, []string{"a", "http://", "http:// a", "ftp://a", "http://a/#b", "http://a\n", "http://ä"}, "URL"},
		{Proxy("").Rule(), []string{"a:3128", "http://a", "1.2.3.4:8080"}, []string{"", "socks5://a", "http://", "a b", ":"}, "Proxy"},
		{AnyRegistry("").Rule(), []string{"*", "docker.io"}, []string{"", "**"}, "AnyRegistry"},
		{Registry("").Rule(), []string{"docker.io", "localhost:5000", "[::1]:5000", "r.example.com/team"}, []string{"", "*", "a b", "a:b"}, "Registry"},
		{Image("").Rule(), []string{"a", "a:1", "r.example.com:5000/a/b.c__d:v1", "a@sha256:" + strings.Repeat("0", 64)}, []string{"", "A", "a:", "a@sha256:0", "a b", "a/../b", "-a"}, "Image"},
		{SysctlKey("").Rule(), []string{"a", "net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/x"}, []string{"", ".a", "/a", "a/", "a.", "a//b", "a/./b", "../a", "a b", strings.Repeat("a", 129)}, "SysctlKey"},
		{Duration("").Rule(), []string{"1s", "24h", "1h30m", "90s"}, []string{"", "s", "0s", "25h", "1.5s", "-1s", "1d"}, "Duration"},
		{Version("").Rule(), []string{"latest", "1.0.0", "v1.0.1-alpha+1.0"}, []string{"", "1.0", "vv1.1.0", "1.0.3-beta.1.01", "Latest"}, "Version"},
		{Base64("").Rule(), []string{"", "aGk=", "AAAA"}, []string{"a", "aGk", "a GG", "aGk=\n", "aG-_"}, "Base64"},
		{Certificates("").Rule(), []string{"", certificate(t)}, []string{
			"AAAA", base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE----- bad -----END CERTIFICATE-----\n")),
			base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
			base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})),
		}, "Certificates"},
		{Line("").Rule(), []string{"", "a ä"}, []string{"\n", "\r", "\x00", "\u0085", "\u2028", "\t"}, "Line"},
	} {
		for _, s := range tt.yes {
			if err := tt.rule.judge(s); err != nil {
				t.Errorf("%s: %q %v", tt.nameOfOne, s, err)
			}
		}
		for _, s := range tt.no {
			if err := tt.rule.judge(s); err == nil {
				t.Errorf("%s: %q is taken", tt.nameOfOne, s)
			}
		}
	}
}

// certificate is a self-signed one.
func certificate(t *testing.T) string {
	t.Helper()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(bytes.NewReader(make([]byte, 64)), template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestWindow(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	// 2026-11-28 is a Saturday.
	for _, tt := range []struct {
		window  Window
		yes, no []string
	}{
		{"02:00-04:30", []string{"2026-11-28 02:00", "2026-11-30 04:29"}, []string{"2026-11-28 01:59", "2026-11-28 04:30"}},
		{"Sat-Sun 02:00-04:30", []string{"2026-11-28 03:00", "2026-11-29 03:00"}, []string{"2026-11-27 03:00", "2026-11-30 03:00"}},
		{"Sat 22:00-02:00", []string{"2026-11-28 22:00", "2026-11-29 01:59"}, []string{"2026-11-28 01:00", "2026-11-29 22:00", "2026-11-29 02:00"}},
		{"Fri-Mon,Wed 12:00-13:00", []string{"2026-11-27 12:00", "2026-11-30 12:00", "2026-12-02 12:00"}, []string{"2026-12-01 12:00", "2026-12-03 12:00"}},
		{"Mon 99:00-1:00", nil, []string{"2026-11-30 00:30"}},
	} {
		for _, text := range tt.yes {
			if !tt.window.Contains(at(text)) {
				t.Errorf("%q does not contain %s", tt.window, text)
			}
		}
		for _, text := range tt.no {
			if tt.window.Contains(at(text)) {
				t.Errorf("%q contains %s", tt.window, text)
			}
		}
	}
	east := at("2026-11-28 03:00").In(time.FixedZone("", 3600*9))
	if !Window("02:00-04:00").Contains(east) {
		t.Error("the time zone of the caller counts")
	}
}

func TestSysctlPath(t *testing.T) {
	for key, want := range map[SysctlKey]string{
		"kernel": "kernel", "net.ipv4.ip_forward": "net/ipv4/ip_forward", "net/ipv4/ip_forward": "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/100.rp_filter": "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/x": "net/ipv4/conf/eth0.100/x",
	} {
		if got := key.Path(); got != want {
			t.Errorf("the path of %s is %s, want %s", key, got, want)
		}
	}
}

func TestNestOfStrangers(t *testing.T) {
	got := Base().Nest(values("a", "1", "a.b", "1.5", "c..d", "1", "e", "{", "f", `[{"g":12345678901234567890}]`))
	want := map[string]any{"a": map[string]any{"b": 1.5}, "f": []any{map[string]any{"g": 12345678901234567890.0}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Nest (-want +got):\n%s", diff)
	}
}

func TestDecode(t *testing.T) {
	v := values("network.hosts", `[["192.0.2.1",["a","b"]]]`, "updates.seed", "0", "network.interfaces.eno1.dhcp4.enabled", "false",
		`kernel.sysctl."a.b"`, `"1"`, "health.deadline", `"90s"`)
	got, err := Decode[Settings](Base(), v)
	if err != nil {
		t.Fatal(err)
	}
	no, zero := false, int64(0)
	want := Settings{
		Network: Network{
			Hosts:      []HostsEntry{{IP: "192.0.2.1", Names: []HostName{"a", "b"}}},
			Interfaces: map[InterfaceID]NetworkInterface{"eno1": {DHCP4: &DHCP4{Enabled: &no}}},
		},
		Updates: Updates{Seed: &zero}, Health: Health{Deadline: "90s"},
		Kernel: Kernel{Sysctl: map[SysctlKey]Line{"a.b": "1"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decode (-want +got):\n%s", diff)
	}
	if d := got.Health.Deadline.Value(0); d != 90*time.Second {
		t.Errorf("the deadline is %v", d)
	}
	if d := Duration("").Value(time.Minute); d != time.Minute {
		t.Errorf("no deadline is %v", d)
	}
	if _, err := Decode[Settings](Base(), values("ntp", "1")); err == nil {
		t.Error("a group that is a number is decoded")
	}
	if _, err := Decode[Settings](Base(), values("network.hosts", `[["192.0.2.1"]]`)); err == nil || !strings.Contains(err.Error(), "has 1 members") {
		t.Errorf("a short line of hosts: got %v", err)
	}
}

func TestRedact(t *testing.T) {
	v := values("container-registry.credentials", `[{"password":"secret","registry":"r","username":"u"}]`,
		"host-containers.admin.user-data", `"c2VjcmV0"`, "motd", `"open"`, "stranger", `"secret"`, "network.https-proxy", `"http://u:secret@p"`)
	want := map[string]string{
		"container-registry.credentials":  `[{"password":"(redacted)","registry":"r","username":"u"}]`,
		"host-containers.admin.user-data": `"(redacted)"`, "motd": `"open"`, "stranger": `"(redacted)"`, "network.https-proxy": `"(redacted)"`,
	}
	if diff := cmp.Diff(want, texts(Base().Redact(v))); diff != "" {
		t.Errorf("Redact (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(v["container-registry.credentials"]), "secret") {
		t.Error("the argument was changed")
	}
}

// What a Problem says of a secret does not hold it.
func TestProblemsKeepSecrets(t *testing.T) {
	for _, doc := range []string{
		`{"container-registry":{"credentials":[{"registry":"r","password":"se\ncret","username":"u"}]}}`,
		`{"container-registry":{"credentials":[{"registry":"r","auth":"secret!"}]}}`,
		`{"host-containers":{"a":{"user-data":"secret!"}}}`,
	} {
		_, err := Base().FlattenJSON([]byte(doc))
		if err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: got %v", doc, err)
		}
	}
}

func TestComplete(t *testing.T) {
	for prefix, want := range map[string][]string{
		"n":                              {"network.", "ntp."},
		"settings.n":                     {"settings.network.", "settings.ntp."},
		"mo":                             {"motd"},
		"ntp.":                           {"ntp.options", "ntp.time-servers"},
		"ntp.t":                          {"ntp.time-servers"},
		"host-containers.admin.s":        {"host-containers.admin.source", "host-containers.admin.superpowered"},
		`network.interfaces."0e:b3".dhc`: {`network.interfaces."0e:b3".dhcp4.`, `network.interfaces."0e:b3".dhcp6.`},
		"host-containers.":               nil,
		"boot.":                          nil,
		"x":                              nil,
		"ntp.x.":                         nil,
		`a."b`:                           nil,
		"..":                             nil,
	} {
		if diff := cmp.Diff(want, Base().Complete(prefix)); diff != "" {
			t.Errorf("Complete(%q) (-want +got):\n%s", prefix, diff)
		}
	}
	if got := Base().Complete(""); len(got) != len(Base().Groups()) {
		t.Errorf("Complete of nothing: %v", got)
	}
}

func TestProblemError(t *testing.T) {
	for _, tt := range []struct {
		p    Problem
		want string
	}{
		{Problem{Message: "m"}, "m"},
		{Problem{Key: "a.b", At: "[0].c", Line: 3, Message: "m", Expected: "e", Found: "f"}, "line 3: settings.a.b[0].c: m (expected e, found f)"},
		{Problem{Key: "a", Message: "m", Found: "f"}, "settings.a: m (found f)"},
		{Problem{Key: "a", Message: "m", Expected: "e"}, "settings.a: m (expected e)"},
	} {
		if got := tt.p.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	u := &UnknownGroupError{Group: "a.b", Line: 2}
	if got, want := u.Error(), `line 2: settings."a.b": no such group of settings`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
