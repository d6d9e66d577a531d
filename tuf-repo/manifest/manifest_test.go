package manifest_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

var start = time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)

func image(version string, change ...func(*manifest.Image)) manifest.Image {
	i := manifest.Image{
		Variant: "base", Arch: "x86_64", Version: version, RootHash: strings.Repeat("ab", 32),
		Artefacts: []manifest.Artefact{
			{Name: "image.json", Role: manifest.RoleFacts, Size: 10, SHA256: strings.Repeat("01", 32)},
			{Name: "root.erofs", Role: manifest.RoleRoot, Size: 4096, SHA256: strings.Repeat("02", 32)},
			{Name: "uki.efi", Role: manifest.RoleUKI, Size: 512, SHA256: strings.Repeat("03", 32)},
		},
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

func paused(i *manifest.Image) { i.Paused = true }

func from(v string) func(*manifest.Image) {
	return func(i *manifest.Image) { i.MinVersion = v }
}

func waves(w ...manifest.Wave) func(*manifest.Image) {
	return func(i *manifest.Image) { i.Waves = w }
}

func of(images ...manifest.Image) *manifest.Manifest {
	return &manifest.Manifest{Schema: manifest.Schema, Channel: "stable", Images: images}
}

// TestGolden reads a manifest of the first release of the format, for good.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/schema1.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	want := of(
		image("0.1.0"),
		image("0.2.0", paused),
		image("0.10.0", from("0.2.0"), waves(manifest.Wave{LastSeed: 101, Start: start}, manifest.Wave{LastSeed: 2047, Start: start.Add(24 * time.Hour)}), func(i *manifest.Image) {
			i.Artefacts = append(i.Artefacts, manifest.Artefact{Name: "from-0.1.0.patch", Role: manifest.RolePatch, From: "0.1.0", Size: 7, SHA256: strings.Repeat("04", 32)})
		}),
	)
	encoded, err := manifest.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(data), string(encoded)); d != "" {
		t.Errorf("Encode differs from the golden file (-want +got):\n%s", d)
	}
	again, err := manifest.Parse(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, again); d != "" {
		t.Errorf("parsed manifests differ (-golden +encoded):\n%s", d)
	}
	if i := m.Find("base", "x86_64", "0.10.0"); m.TargetPath(i, i.Patch("0.1.0")) != "stable/base/x86_64/0.10.0/from-0.1.0.patch" {
		t.Errorf("TargetPath = %q", m.TargetPath(i, i.Patch("0.1.0")))
	}
}

func TestEncodeIsCanonical(t *testing.T) {
	a, err := manifest.Encode(of(image("1.0.0"), image("1.0.0-rc.1")))
	if err != nil {
		t.Fatal(err)
	}
	in := of(image("1.0.0-rc.1"), image("1.0.0"))
	in.Images[0].Artefacts[0], in.Images[0].Artefacts[2] = in.Images[0].Artefacts[2], in.Images[0].Artefacts[0]
	b, err := manifest.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(a), string(b)); d != "" {
		t.Errorf("order matters:\n%s", d)
	}
	if in.Images[0].Artefacts[0].Role != manifest.RoleUKI {
		t.Error("Encode changed its argument")
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := manifest.Encode(of(image("1.0.0", waves(manifest.Wave{LastSeed: 2047, Start: start}))))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"trailing data", "", "", "more after the document"},
		{"repeated key", `"channel": "stable"`, `"channel": "stable", "channel": "beta"`, `key "channel" is there twice`},
		{"key in another case", `"channel"`, `"Channel"`, `unknown key "Channel"`},
		{"unknown key", `"channel"`, `"colour": 1, "channel"`, `unknown field "colour"`},
		{"newer schema", `"schema": 1`, `"schema": 2`, "schema 2: this program reads schema 1 only"},
		{"no schema", `"schema": 1,`, ``, "schema 0"},
		{"path in a name", `"name": "root.erofs"`, `"name": "../root"`, `name "../root"`},
		{"version", `"version": "1.0.0"`, `"version": "1.0"`, `version "1.0" is not like`},
		{"version with v", `"version": "1.0.0"`, `"version": "v1.0.0"`, `version "v1.0.0" is not like`},
		{"negative size", `"size": 4096`, `"size": -1`, "size -1"},
		{"short hash", strings.Repeat("02", 32), "0202", "64 hexadecimal digits"},
		{"uppercase hash", strings.Repeat("ab", 32), strings.Repeat("AB", 32), "64 hexadecimal digits"},
		{"no UKI", `"role": "uki"`, `"role": "other"`, `no artefact has the role "uki"`},
		{"two roots", `"role": "facts"`, `"role": "root"`, `its role "root"`},
		{"patch from nowhere", `"role": "facts"`, `"role": "patch"`, "says the version that it is from"},
		{"last seed missing", `"last_seed": 2047`, `"last_seed": 2000`, "some hosts would never update"},
		{"seed too large", `"last_seed": 2047`, `"last_seed": 2048`, "last_seed 2048"},
		{"no start", `"start": "2026-12-01T08:00:00Z"`, `"start": "0001-01-01T00:00:00Z"`, "it has no start"},
		{"deep", `"channel": "stable"`, `"channel": [[[[[[[[1]]]]]]]]`, "nested deeper"},
		{"number", `"channel": "stable"`, `"channel": 1`, "cannot unmarshal number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := strings.Replace(string(good), tt.old, tt.new, 1)
			if tt.old == "" {
				data += "{}"
			}
			_, err := manifest.Parse([]byte(data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestSchemaError(t *testing.T) {
	_, err := manifest.Parse([]byte(`{"schema": 7, "novelty": {}}`))
	var schema *manifest.SchemaError
	if !errors.As(err, &schema) || schema.Found != 7 {
		t.Errorf("Parse = %v, want a SchemaError of 7", err)
	}
}

func FuzzParse(f *testing.F) {
	golden, err := os.ReadFile("testdata/schema1.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"schema":1,"channel":"a","images":[]}`))
	f.Add([]byte(`{"schema":1,"schema":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse(data)
		if err != nil {
			return
		}
		encoded, err := manifest.Encode(m)
		if err != nil {
			t.Fatalf("a parsed manifest cannot be encoded: %v", err)
		}
		again, err := manifest.Parse(encoded)
		if err != nil {
			t.Fatalf("an encoded manifest cannot be parsed: %v", err)
		}
		twice, err := manifest.Encode(again)
		if err != nil || string(twice) != string(encoded) {
			t.Fatalf("encoding is not stable: %v", err)
		}
		for n := range m.Images {
			i := &m.Images[n]
			if _, err := m.Candidate(i.Variant, i.Arch, i.Version, 0, start, manifest.Options{}); err != nil {
				t.Fatalf("choosing from a parsed manifest: %v", err)
			}
		}
	})
}
