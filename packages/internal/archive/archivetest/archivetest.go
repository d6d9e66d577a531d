// Package archivetest is a small Debian archive for tests: signed indexes and
// pools behind an HTTP server.
package archivetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ulikunitz/xz"

	"github.com/slipway-os/slipway/packages/internal/deb/debtest"
	"github.com/slipway-os/slipway/packages/internal/lockfile"
)

// Archive is one archive. Its pool and its indexes can be changed at any time.
type Archive struct {
	// URL is the root for mirrors; Keyring the file with its key.
	URL, Keyring string

	t     testing.TB
	key   *openpgp.Entity
	mu    sync.Mutex
	files map[string][]byte // path below the root to content
}

// New starts an archive whose suites are empty.
func New(t testing.TB, suites ...string) *Archive {
	t.Helper()
	a := &Archive{t: t, files: map[string][]byte{}}
	a.key = must(openpgp.NewEntity("Archive", "test", "archive@example.org",
		&packet.Config{Algorithm: packet.PubKeyAlgoEdDSA}))(t)
	a.Keyring = filepath.Join(t.TempDir(), "keyring.pgp")
	var ring bytes.Buffer
	check(t, a.key.Serialize(&ring))
	check(t, os.WriteFile(a.Keyring, ring.Bytes(), 0o644))
	srv := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(srv.Close)
	a.URL = srv.URL
	for _, suite := range suites {
		a.Publish(suite, "", "")
	}
	return a
}

// Put adds a file and returns its size and SHA-256 as indexes write them.
func (a *Archive) Put(name, content string) (size, sum string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[name] = []byte(content)
	return fmt.Sprint(len(content)), fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
}

// KeyringPackage makes the package debian-archive-keyring with the archive's
// key, puts it into the pool and returns the lock that pins it.
func (a *Archive) KeyringPackage() lockfile.Lock {
	a.t.Helper()
	ring, err := os.ReadFile(a.Keyring)
	check(a.t, err)
	data := debtest.Build(a.t, ".xz", debtest.Regular("./usr/share/keyrings/debian-archive-keyring.pgp", 0o644, string(ring)))
	p := lockfile.Package{Name: "debian-archive-keyring", Path: "pool/main/k/keyring.deb", Size: int64(len(data))}
	_, p.SHA256 = a.Put(p.Path, string(data))
	return lockfile.Lock{Architecture: "amd64", Packages: []lockfile.Package{p}}
}

// Get returns the content of a file.
func (a *Archive) Get(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return string(a.files[name])
}

// Names returns the sorted names of the files that begin with prefix.
func (a *Archive) Names(prefix string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

// Remove takes a file away.
func (a *Archive) Remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.files, name)
}

// Publish gives a suite a Packages and a Sources index and signs the release.
// Extra lines go into the Release file, which is always dated alike.
func (a *Archive) Publish(suite, packages, sources string, extra ...string) {
	a.t.Helper()
	indexes := map[string]string{
		"main/binary-amd64/Packages.xz": packages,
		"main/source/Sources.xz":        sources,
	}
	var release strings.Builder
	fmt.Fprintf(&release, "Codename: %s\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n", suite)
	for _, line := range extra {
		release.WriteString(line + "\n")
	}
	release.WriteString("SHA256:\n")
	for _, name := range slices.Sorted(maps.Keys(indexes)) {
		data := a.compress(indexes[name])
		size, sum := a.Put(path.Join("dists", suite, path.Dir(name), "by-hash/SHA256", fmt.Sprintf("%x", sha256.Sum256([]byte(data)))), data)
		fmt.Fprintf(&release, " %s %s %s\n", sum, size, name)
	}
	a.Put(path.Join("dists", suite, "InRelease"), a.sign(release.String()))
}

// Source returns the Sources paragraph of a package with the files of the
// names below its directory, and puts them into the pool.
func (a *Archive) Source(name, version, dir string, files ...string) string {
	text := fmt.Sprintf("Package: %s\nVersion: %s\nDirectory: %s\nChecksums-Sha256:\n", name, version, dir)
	for _, file := range files {
		size, sum := a.Put(path.Join(dir, file), "content of "+file)
		text += fmt.Sprintf(" %s %s %s\n", sum, size, file)
	}
	return text + "\n"
}

// Binary returns the Packages paragraph of a package, and puts it into the
// pool. Extra lines are fields.
func (a *Archive) Binary(name, version string, extra ...string) string {
	file := fmt.Sprintf("pool/main/%s/%s_%s_amd64.deb", name[:1], name, version)
	size, sum := a.Put(file, "content of "+file)
	return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nFilename: %s\nSize: %s\nSHA256: %s\n%s\n\n",
		name, version, file, size, sum, strings.Join(extra, "\n"))
}

func (a *Archive) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	data, ok := a.files[strings.TrimPrefix(r.URL.Path, "/")]
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	// A client that goes away in the middle is its own affair.
	_, _ = w.Write(data)
}

func (a *Archive) compress(text string) string {
	a.t.Helper()
	var out bytes.Buffer
	w := must(xz.NewWriter(&out))(a.t)
	_, err := w.Write([]byte(text))
	check(a.t, err)
	check(a.t, w.Close())
	return out.String()
}

func (a *Archive) sign(text string) string {
	a.t.Helper()
	var out bytes.Buffer
	w := must(clearsign.Encode(&out, a.key.PrivateKey, nil))(a.t)
	_, err := w.Write([]byte(text))
	check(a.t, err)
	check(a.t, w.Close())
	return out.String()
}

// must returns a function that ends the test on an error, or gives the value.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("archivetest: %v", err)
	}
}
