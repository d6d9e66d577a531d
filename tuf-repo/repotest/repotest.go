// Package repotest is an update repository in memory, with faults to order,
// for tests of what reads repositories:
//
//	repo := repotest.New(t, repotest.Expired("timestamp"))
//	err := updater.Refresh(ctx, repo.Root(), repo.MetadataURL(), repo.TargetsURL())
//
// It signs by keys of its own and shares no code with the tool that makes real
// repositories, so that the two judge each other. Faults that an attacker
// works over time are ordered later: let the client see the good repository,
// then Order.
package repotest

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// Channel is the channel of a new repository.
const Channel = "stable"

// Repo is a repository that a server on the loopback interface serves.
type Repo struct {
	mu       sync.Mutex
	now      time.Time
	keys     map[string]*signer
	version  map[string]int64 // of metadata, by role
	root     int64            // the last root without a fault
	manifest *manifest.Manifest
	content  map[string][]byte // of targets, by target path
	files    map[string][]byte // as served, by URL path
	past     []map[string][]byte
	faults   faults
	frozen   map[string][]byte // what is served for ever, where that was ordered
	requests []string
	server   *httptest.Server
}

// New makes a repository with one channel and no images, and serves it until
// the test ends.
func New(t testing.TB, ordered ...Fault) *Repo {
	t.Helper()
	r := &Repo{
		now: time.Now().UTC().Truncate(time.Second), keys: map[string]*signer{}, version: map[string]int64{},
		manifest: &manifest.Manifest{Schema: manifest.Schema, Channel: Channel},
		content:  map[string][]byte{}, files: map[string][]byte{},
	}
	if err := r.makeKeys(); err != nil {
		t.Fatal(err)
	}
	if err := r.publish(); err != nil {
		t.Fatal(err)
	}
	if len(ordered) > 0 {
		r.Order(t, ordered...)
	}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

// Root is the first root, which hosts have in their image.
func (r *Repo) Root() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.past[0]["metadata/1.root.json"]
}

// MetadataURL is where metadata is, without a slash at the end.
func (r *Repo) MetadataURL() string { return r.server.URL + "/metadata" }

// TargetsURL is where targets are, without a slash at the end.
func (r *Repo) TargetsURL() string { return r.server.URL + "/targets" }

// Client is an HTTP client for the repository.
func (r *Repo) Client() *http.Client { return r.server.Client() }

// Requests lists the requests so far: the method, the path and, where there
// was one, the range, such as "GET /targets/… bytes=0-99".
func (r *Repo) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// ForgetRequests empties the list of requests.
func (r *Repo) ForgetRequests() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = nil
}

// Expires is when the metadata that is signed without a fault ends.
func (r *Repo) Expires() time.Time { return r.now.Add(validity) }

// Order changes the faults: those ordered before are gone. Where a fault is
// in what is signed, the repository is published anew with it.
func (r *Repo) Order(t testing.TB, ordered ...Fault) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = faults{}
	for _, f := range ordered {
		f(&r.faults)
	}
	if r.faults.needPast() && len(r.past) < 2 {
		t.Fatal("repotest: there is no older publication to serve: publish an image first, and let the client see it")
	}
	r.frozen = nil
	if r.faults.frozen {
		r.frozen = r.files
	}
	if r.faults.serverOnly() {
		return
	}
	if err := r.publish(); err != nil {
		t.Fatal(err)
	}
}

// Add publishes an image whose artefacts are files, by role, under their usual
// names. change, if it is not nil, edits the image before it is published: its
// waves, for example.
func (r *Repo) Add(t testing.TB, image manifest.Image, files map[manifest.Role][]byte, change func(*manifest.Image)) *manifest.Image {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, role := range slices.Sorted(maps.Keys(files)) {
		data, name := files[role], Name(role)
		sum := sha256.Sum256(data)
		image.Artefacts = append(image.Artefacts, manifest.Artefact{Name: name, Role: role, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
		r.content[r.manifest.TargetPath(&image, &image.Artefacts[len(image.Artefacts)-1])] = data
	}
	if change != nil {
		change(&image)
	}
	r.manifest.Put(image)
	if err := r.publish(); err != nil {
		t.Fatal(err)
	}
	return r.manifest.Find(image.Variant, image.Arch, image.Version)
}

// Change edits the manifest and publishes it.
func (r *Repo) Change(t testing.TB, change func(*manifest.Manifest)) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.manifest)
	if err := r.publish(); err != nil {
		t.Fatal(err)
	}
}

// names of artefacts as imagetool writes them.
var names = map[manifest.Role]string{
	manifest.RoleRoot: "root.erofs", manifest.RoleVerity: "root.verity", manifest.RoleUKI: "uki.efi",
	manifest.RoleFacts: "image.json", manifest.RoleIndex: "root.index", manifest.RoleFrames: "root.frames",
}

// Name is the usual name of the artefact of a role.
func Name(role manifest.Role) string {
	if name, ok := names[role]; ok {
		return name
	}
	return string(role)
}

// Artefacts reads the files of a folder that imagetool wrote, by role.
func Artefacts(t testing.TB, dir string) map[manifest.Role][]byte {
	t.Helper()
	files := map[manifest.Role][]byte{}
	for role, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			files[role] = data
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return files
}
