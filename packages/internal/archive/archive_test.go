package archive_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/packages/internal/archive"
	"github.com/slipway-os/slipway/packages/internal/archive/archivetest"
	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/mirror"
)

// open returns an archive that reads from the fake one, and its warnings.
func open(t *testing.T, fake *archivetest.Archive) (*archive.Archive, *[]string) {
	t.Helper()
	keys, err := archive.ReadKeyring(fake.Keyring)
	if err != nil {
		t.Fatal(err)
	}
	client := download.New(mirror.List{fake.URL}, t.TempDir())
	client.Backoff = time.Millisecond
	var warnings []string
	return &archive.Archive{
		Client:  client,
		Keyring: keys,
		Warn:    func(text string) { warnings = append(warnings, text) },
		Now:     time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC),
	}, &warnings
}

func TestReadsSignedIndexes(t *testing.T) {
	fake := archivetest.New(t)
	fake.Publish("trixie", fake.Binary("a", "1-1"), fake.Source("s", "2-1", "pool/main/s/s", "s_2.orig.tar.xz"))
	a, _ := open(t, fake)
	suite, err := a.Open(t.Context(), "trixie")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := suite.Packages(t.Context(), "amd64")
	if err != nil || len(packages) != 1 || packages[0].Name != "a" {
		t.Errorf("Packages: %v, %v", packages, err)
	}
	sources, err := suite.Sources(t.Context())
	if err != nil || len(sources) != 1 || sources[0].Files[0].Path != "pool/main/s/s/s_2.orig.tar.xz" {
		t.Errorf("Sources: %v, %v", sources, err)
	}
	if _, err := suite.Packages(t.Context(), "m68k"); err == nil || !strings.Contains(err.Error(), "does not list it") {
		t.Errorf("Packages of another architecture: %v", err)
	}
}

func TestNewestOfAllSuites(t *testing.T) {
	fake := archivetest.New(t)
	fake.Publish("old", fake.Binary("a", "1.9-1")+fake.Binary("b", "2-1"), fake.Source("s", "1-1", "pool/s"))
	fake.Publish("new", fake.Binary("a", "1.10-1")+fake.Binary("b", "1-1"), fake.Source("s", "1-1+deb13u1", "pool/s"))
	a, _ := open(t, fake)
	var suites []*archive.Suite
	for _, name := range []string{"old", "new"} {
		suite, err := a.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		suites = append(suites, suite)
	}
	binaries, err := archive.LatestBinaries(t.Context(), suites, "amd64")
	if err != nil || binaries["a"].Version != "1.10-1" || binaries["b"].Version != "2-1" {
		t.Errorf("LatestBinaries: %v, %v", binaries, err)
	}
	sources, err := archive.Sources(t.Context(), suites)
	if err != nil || len(sources["s"]) != 2 || sources["s"][0].Version != "1-1+deb13u1" {
		t.Errorf("Sources: %v, %v; want the newest first", sources, err)
	}
}

func TestWarnsOfAnOldRelease(t *testing.T) {
	fake := archivetest.New(t)
	fake.Publish("trixie", "", "", "Valid-Until: Sat, 19 Sep 2026 07:55:41 UTC")
	a, warnings := open(t, fake)
	if _, err := a.Open(t.Context(), "trixie"); err != nil {
		t.Fatal(err)
	}
	if len(*warnings) != 1 || !strings.Contains((*warnings)[0], "trixie was valid until 2026-09-19") {
		t.Errorf("warnings: %q", *warnings)
	}
}

func TestRefusesWhatIsNotSigned(t *testing.T) {
	stranger := archivetest.New(t, "trixie")
	for name, change := range map[string]func(*archivetest.Archive, string) string{
		"changed text": func(_ *archivetest.Archive, text string) string {
			return strings.Replace(text, "Codename: trixie", "Codename: sid", 1)
		},
		"no signature": func(_ *archivetest.Archive, text string) string { return "Codename: trixie\n" },
		"cut":          func(_ *archivetest.Archive, text string) string { return text[:len(text)/2] },
		"another key": func(a *archivetest.Archive, text string) string {
			a.Keyring = stranger.Keyring
			return text
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := archivetest.New(t, "trixie")
			fake.Put("dists/trixie/InRelease", change(fake, fake.Get("dists/trixie/InRelease")))
			a, _ := open(t, fake)
			if _, err := a.Open(t.Context(), "trixie"); err == nil || !strings.Contains(err.Error(), "verifying signature") {
				t.Errorf("Open: %v, want a complaint about the signature", err)
			}
		})
	}
}

func TestIgnoresWhatStandsAroundTheSignedText(t *testing.T) {
	fake := archivetest.New(t, "trixie")
	fake.Put("dists/trixie/InRelease", "Codename: forged\n\n"+fake.Get("dists/trixie/InRelease")+"\nCodename: forged\n")
	a, _ := open(t, fake)
	suite, err := a.Open(t.Context(), "trixie")
	if err == nil && suite.Release.Codename != "trixie" {
		t.Errorf("the release is %q, of which nobody signed the name", suite.Release.Codename)
	}
}

func TestRefusesAChangedIndex(t *testing.T) {
	fake := archivetest.New(t)
	fake.Publish("trixie", fake.Binary("a", "1-1"), "")
	a, _ := open(t, fake)
	suite, err := a.Open(t.Context(), "trixie")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fake.Names("dists/trixie/main/") {
		fake.Put(name, "something else")
	}
	if _, err := suite.Packages(t.Context(), "amd64"); err == nil || !strings.Contains(err.Error(), "expected sha256") {
		t.Errorf("Packages: %v, want both sums", err)
	}
}

func TestOpenNamesWhereItLooked(t *testing.T) {
	fake := archivetest.New(t)
	a, _ := open(t, fake)
	_, err := a.Open(t.Context(), "trixie")
	if err == nil || !strings.Contains(err.Error(), fake.URL+"/dists/trixie/InRelease: 404 Not Found") {
		t.Errorf("Open: %v, want the address and 404", err)
	}
}

func TestReadKeyringNamesWhatToInstall(t *testing.T) {
	_, err := archive.ReadKeyring("/nowhere/keyring.pgp")
	if err == nil || !strings.Contains(err.Error(), "install debian-archive-keyring") {
		t.Errorf("ReadKeyring: %v", err)
	}
}
