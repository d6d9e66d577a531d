package manifest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

func TestCandidate(t *testing.T) {
	twoWaves := waves(manifest.Wave{LastSeed: 99, Start: start}, manifest.Wave{LastSeed: 2047, Start: start.Add(time.Hour)})
	arm := image("9.0.0", func(i *manifest.Image) { i.Arch = "aarch64" })
	other := image("9.0.0", func(i *manifest.Image) { i.Variant = "k8s" })
	for _, tt := range []struct {
		name    string
		images  []manifest.Image
		current string
		seed    int
		now     time.Time
		options manifest.Options
		want    string
		held    []string
	}{
		{name: "nothing published", current: "1.0.0"},
		{name: "up to date", images: []manifest.Image{image("1.0.0"), image("0.9.0")}, current: "1.0.0"},
		{name: "newest", images: []manifest.Image{image("1.9.0"), image("1.10.0"), image("1.2.0")}, current: "1.0.0", want: "1.10.0"},
		{name: "release after its candidate", images: []manifest.Image{image("1.1.0-rc.2"), image("1.1.0")}, current: "1.1.0-rc.2", want: "1.1.0"},
		{name: "other variants and machines", images: []manifest.Image{arm, other, image("1.1.0")}, current: "1.0.0", want: "1.1.0"},
		{name: "paused", images: []manifest.Image{image("1.2.0", paused), image("1.1.0")}, current: "1.0.0", want: "1.1.0", held: []string{"1.2.0 is paused"}},
		{name: "failed here", images: []manifest.Image{image("1.2.0")}, current: "1.0.0", options: manifest.Options{Refuse: func(v string) bool { return v == "1.2.0" }}, held: []string{"1.2.0 failed on this host"}},
		{name: "first wave", images: []manifest.Image{image("1.2.0", twoWaves)}, current: "1.0.0", seed: 99, now: start, want: "1.2.0"},
		{name: "second wave waits", images: []manifest.Image{image("1.2.0", twoWaves)}, current: "1.0.0", seed: 100, now: start.Add(time.Hour - 1), held: []string{"1.2.0 waits for its wave until 2026-12-01T09:00:00Z"}},
		{name: "second wave", images: []manifest.Image{image("1.2.0", twoWaves)}, current: "1.0.0", seed: 2047, now: start.Add(time.Hour), want: "1.2.0"},
		{name: "waves ignored", images: []manifest.Image{image("1.2.0", twoWaves)}, current: "1.0.0", seed: 2047, options: manifest.Options{IgnoreWaves: true}, want: "1.2.0"},
		{name: "step", images: []manifest.Image{image("3.0.0", from("2.0.0")), image("2.0.0")}, current: "1.0.0", want: "2.0.0", held: []string{"3.0.0 wants 2.0.0 or newer to update from"}},
		{name: "no step needed", images: []manifest.Image{image("3.0.0", from("2.0.0")), image("2.0.0")}, current: "2.0.0", want: "3.0.0"},
		{name: "locked to current", images: []manifest.Image{image("3.0.0")}, current: "1.0.0", options: manifest.Options{Lock: "1.0.0"}},
		{name: "locked", images: []manifest.Image{image("3.0.0"), image("2.0.0")}, current: "1.0.0", options: manifest.Options{Lock: "2.0.0"}, want: "2.0.0", held: []string{"3.0.0 is not the version that is locked"}},
		{name: "locked to older", images: []manifest.Image{image("1.0.0"), image("0.9.0"), image("0.8.0")}, current: "1.0.0", options: manifest.Options{Lock: "0.8.0"}, want: "0.8.0"},
		{name: "locked, paused", images: []manifest.Image{image("2.0.0", paused), image("1.5.0")}, current: "1.0.0", options: manifest.Options{Lock: "2.0.0"}, held: []string{"2.0.0 is paused", "1.5.0 is not the version that is locked"}},
		{name: "locked, with a step", images: []manifest.Image{image("3.0.0"), image("2.0.0", from("1.5.0")), image("1.5.0")}, current: "1.0.0", options: manifest.Options{Lock: "2.0.0"}, want: "1.5.0", held: []string{"3.0.0 is not the version that is locked", "2.0.0 wants 1.5.0 or newer to update from"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := of(tt.images...).Candidate("base", "x86_64", tt.current, tt.seed, tt.now, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if c.Image != nil {
				got = c.Image.Version
			}
			if got != tt.want {
				t.Errorf("picked %q, want %q", got, tt.want)
			}
			var held []string
			for _, h := range c.Held {
				held = append(held, h.String())
			}
			if d := cmp.Diff(tt.held, held); d != "" {
				t.Errorf("held (-want +got):\n%s", d)
			}
		})
	}
}

func TestCandidateRefuses(t *testing.T) {
	for _, tt := range []struct {
		current string
		seed    int
		lock    string
		want    string
	}{
		{"1.0.0", 2048, "", "seed 2048"},
		{"1.0.0", -1, "", "seed -1"},
		{"one", 0, "", `running version "one"`},
		{"1.0.0", 0, "7.0.0", `channel "stable" has no version "7.0.0" of base for x86_64`},
	} {
		_, err := of(image("1.0.0")).Candidate("base", "x86_64", tt.current, tt.seed, start, manifest.Options{Lock: tt.lock})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Candidate(%q, seed %d, lock %q) = %v, want an error with %q", tt.current, tt.seed, tt.lock, err, tt.want)
		}
	}
}

func TestPlans(t *testing.T) {
	for _, name := range manifest.PlanNames() {
		plan, err := manifest.Plan(name, start)
		if err != nil {
			t.Fatal(err)
		}
		if err := manifest.CheckWaves(plan); err != nil {
			t.Errorf("plan %q: %v", name, err)
		}
		if !plan[0].Start.Equal(start) {
			t.Errorf("plan %q begins at %v, want %v", name, plan[0].Start, start)
		}
	}
	if _, err := manifest.Plan("slow", start); err == nil || !strings.Contains(err.Error(), "default, emergency, fast") {
		t.Errorf("Plan(slow) = %v, want an error that lists the plans", err)
	}
}
