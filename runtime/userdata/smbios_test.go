package userdata

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/settings"
)

// oem is a structure of type 11 with strings, as the kernel shows it.
func oem(all ...string) string {
	return "\x0b\x05\x00\x0b" + string(rune(len(all))) + strings.Join(all, "\x00") + "\x00\x00"
}

func TestSMBIOS(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString(pack(t, motd("packed")))
	for _, tc := range []struct {
		name string
		raw  []string // of the entries 11-0, 11-1, …
		want string   // motd
		err  string
	}{
		{name: "none"},
		{name: "no strings", raw: []string{oem()}},
		{name: "other strings", raw: []string{oem("vendor", "slipway.user-datum=x", "io.systemd.credential:x=y")}},
		{name: "text", raw: []string{oem("vendor", oemText+motd("text"))}, want: `"text"`},
		{name: "base64 of gzip", raw: []string{oem(oemBase64 + b64)}, want: `"packed"`},
		{name: "second entry", raw: []string{oem("vendor"), oem(oemText + motd("text"))}, want: `"text"`},
		{name: "twice", raw: []string{oem(oemText+motd("a"), oemText+motd("b"))}, err: "SMBIOS: there is more than one OEM string"},
		{name: "twice in two entries", raw: []string{oem(oemText + motd("a")), oem(oemBase64 + b64)}, err: "SMBIOS: there is more than one"},
		{name: "bad base64", raw: []string{oem(oemBase64 + "???")}, err: "SMBIOS: decoding the OEM string slipway.user-data.b64: "},
		{name: "mistake", raw: []string{oem(oemText + "[settings]\nmotd = 1")}, err: "SMBIOS: line 2: settings.motd: "},
		{name: "other type", raw: []string{"\x01\x05\x00\x0b\x00\x00\x00"}, err: "SMBIOS: reading the OEM strings: "},
		{name: "no end", raw: []string{"\x0b\x05\x00\x0b\x01abc"}, err: "SMBIOS: reading the OEM strings: a string has no end"},
		{name: "length beyond the end", raw: []string{"\x0b\xff\x00\x0b\x01\x00\x00"}, err: "SMBIOS: reading the OEM strings: the structure"},
		{name: "too large", raw: []string{strings.Repeat("x", maxStructure+1)}, err: "SMBIOS: reading the OEM strings: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := files{}
			for i, raw := range tc.raw {
				f["/sys/firmware/dmi/entries/11-"+string(rune('0'+i))+"/raw"] = raw
			}
			r := Gather(t.Context(), f.host(t), settings.Base())
			if got := string(r.Values["motd"]); got != tc.want {
				t.Errorf("motd = %s, want %s", got, tc.want)
			}
			switch {
			case tc.err == "" && r.Err != nil:
				t.Errorf("error %v, want none", r.Err)
			case tc.err != "" && (r.Err == nil || !strings.HasPrefix(r.Err.Error(), tc.err)):
				t.Errorf("error %v, want %q", r.Err, tc.err)
			}
		})
	}
}

// FuzzOEMStrings: no panic, and no string that is not in the structure.
func FuzzOEMStrings(f *testing.F) {
	for _, seed := range []string{"", "\x0b", oem(), oem("a"), oem("a", "b"), "\x0b\x06\x00\x00\x00\x00x\x00", oem(oemBase64 + "AA==")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := oemStrings(raw)
		for _, s := range all {
			if s == "" || strings.Contains(s, "\x00") || !strings.Contains(string(raw), s) {
				t.Errorf("string %q", s)
			}
		}
		if err != nil && len(all) > 0 {
			t.Errorf("strings %q beside %v", all, err)
		}
		if found, err := fromOEM(raw); len(found) > len(all) || err != nil && len(found) > 0 {
			t.Errorf("%d user data of %d strings, error %v", len(found), len(all), err)
		}
	})
}
