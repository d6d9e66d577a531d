package update_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repotest"
)

// prepared runs refresh and prepare and returns why the first of them failed.
func (h *fakeHost) prepared() string {
	h.t.Helper()
	if failed := h.do(h.updater.Refresh); failed != "" {
		return failed
	}
	return h.do(h.updater.Prepare)
}

// untouched makes sure that neither disk nor boot entries were changed.
func (h *fakeHost) untouched(names []string) {
	h.t.Helper()
	if h.disk.writes != 0 {
		h.t.Errorf("the disk saw %d writes", h.disk.writes)
	}
	if d := cmp.Diff(names, h.machine.FAT.Names()); d != "" {
		h.t.Errorf("boot entries (-want +got):\n%s", d)
	}
	if s := h.status(); s.UpdateState == api.UpdateStaged || s.UpdateState == api.UpdateReady {
		h.t.Errorf("state is %s", s.UpdateState)
	}
}

// TestMetadataAttacks: each is refused, before and after a good version was
// seen, with nothing written and a message that names the cause; once it is
// over, the update goes through.
func TestMetadataAttacks(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	const channel = repotest.Channel
	for _, tt := range []struct {
		name, want string
		fault      repotest.Fault
	}{
		{"expired root", "root.json is expired", repotest.Expired("root")},
		{"expired timestamp", "timestamp.json is expired", repotest.Expired("timestamp")},
		{"expired snapshot", "snapshot.json is expired", repotest.Expired("snapshot")},
		{"expired targets", "targets is expired", repotest.Expired("targets")},
		{"expired channel", "stable is expired", repotest.Expired(channel)},
		{"wrong key of root", "Verifying root failed, not enough signatures, got 0, want 1", repotest.WrongKey("root")},
		{"wrong key of timestamp", "Verifying timestamp failed, not enough signatures, got 0, want 1", repotest.WrongKey("timestamp")},
		{"wrong key of snapshot", "Verifying snapshot failed, not enough signatures, got 0, want 1", repotest.WrongKey("snapshot")},
		{"wrong key of targets", "Verifying targets failed, not enough signatures, got 0, want 1", repotest.WrongKey("targets")},
		{"wrong key of channel", "Verifying stable failed, not enough signatures, got 0, want 1", repotest.WrongKey(channel)},
		{"threshold of root", "got 1, want 2", repotest.ThresholdNotMet("root")},
		{"threshold of timestamp", "got 1, want 2", repotest.ThresholdNotMet("timestamp")},
		{"threshold of channel", "got 1, want 2", repotest.ThresholdNotMet(channel)},
		{"timestamp rolled back", "timestamp version", repotest.RolledBack("timestamp")},
		{"snapshot rolled back", "snapshot version", repotest.RolledBack("snapshot")},
		{"targets rolled back", "targets.json", repotest.RolledBack("targets")},
		{"channel rolled back", "stable.json", repotest.RolledBack(channel)},
		{"mixed versions", "version", repotest.Mixed()},
		{"endless timestamp", "more than the 16384 bytes that it may have", repotest.EndlessData("timestamp.json")},
		{"endless manifest", "bytes that were signed", repotest.EndlessData("manifest.json")},
		{"truncated manifest", "unexpected EOF", repotest.Truncated("manifest.json")},
		{"corrupted manifest", "its bytes are not those that were signed", repotest.Corrupted("manifest.json")},
		{"corrupted timestamp", "timestamp", repotest.Corrupted("timestamp.json")},
		{"not available", "503", repotest.Unavailable(1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, one)
			h.ok(h.updater.Refresh) // it has seen a good repository
			h.publish(one, nil)
			h.ok(h.updater.Refresh)
			h.publish(two, nil)
			if tt.name == "mixed versions" {
				h.config.Channel = channel
			} else {
				h.ok(h.updater.Refresh)
			}
			h.repo.Order(t, tt.fault)
			names := h.machine.FAT.Names()
			if failed := h.prepared(); !strings.Contains(failed, tt.want) {
				t.Errorf("refused with %q, want %q", failed, tt.want)
			}
			h.untouched(names)
			if tt.name != "not available" { // that one is over after one request
				if failed := h.do(h.updater.Prepare); failed == "" {
					t.Error("prepare went through")
				}
				h.untouched(names)
			}
			h.repo.Order(t)
			h.ok(h.updater.Refresh, h.updater.Prepare)
			checkSlot(t, h, two)
		})
	}
}

// TestFileAttacks are those on files: what comes before the slot is opened is
// refused with nothing written; of the blocks some may be written, but the slot
// is never named and the running one is whole.
func TestFileAttacks(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	for _, tt := range []struct {
		name, want string
		fault      repotest.Fault
	}{
		{"endless index", "the server sends more bytes than were signed", repotest.EndlessData("root.index")},
		{"truncated index", "unexpected EOF", repotest.Truncated("root.index")},
		{"corrupted index", "fetching root.index: its bytes are not those that were signed", repotest.Corrupted("root.index")},
		{"trickling index", "server is too slow", repotest.SlowTrickle("root.index", 30*time.Millisecond)},
		{"endless UKI", "the server sends more bytes than were signed", repotest.EndlessData("uki")},
		{"corrupted UKI", "its bytes are not those that were signed", repotest.Corrupted("uki")},
		{"truncated UKI", "unexpected EOF", repotest.Truncated("uki")},
		{"trickling UKI", "server is too slow", repotest.SlowTrickle("uki", 30*time.Millisecond)},
		{"redirect elsewhere", "redirect to another host", repotest.RedirectTo("http://elsewhere.example")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, one)
			h.limits.Window, h.limits.MinRate = 400*time.Millisecond, 1<<20
			h.restart()
			h.publish(two, nil)
			h.ok(h.updater.Refresh)
			h.repo.Order(t, tt.fault)
			names := h.machine.FAT.Names()
			if failed := h.do(h.updater.Prepare); !strings.Contains(failed, tt.want) {
				t.Errorf("refused with %q, want %q", failed, tt.want)
			}
			h.untouched(names)
			h.repo.Order(t)
			h.limits = newHost(t, one).limits
			h.restart()
			h.ok(h.updater.Prepare)
			checkSlot(t, h, two)
		})
	}
}

// TestBlockAttacks: another way of fetching is found, or the update fails; the
// slot is named only if it is what was signed.
func TestBlockAttacks(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	for _, tt := range []struct {
		name, want string // "": it goes through
		fault      repotest.Fault
		noRaw      bool // the uncompressed image is not published
	}{
		{"ranges ignored", "", repotest.IgnoringRanges(), true},
		{"wrong ranges", "", repotest.WrongRanges(), true},
		{"broken connections", "", repotest.Truncated("root.frames"), true},
		{"endless frames, but an image", "", repotest.EndlessData("root.frames"), false},
		{"endless frames", "blocks are missing", repotest.EndlessData("root.frames"), true},
		{"trickling frames", "server is too slow", repotest.SlowTrickle("root.frames", 30*time.Millisecond), true},
		{"redirect elsewhere", "redirect to another host", repotest.RedirectTo("http://elsewhere.example"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, one)
			h.publish(two, nil)
			if tt.noRaw {
				dropRaw(t, h, two)
			}
			h.ok(h.updater.Refresh)
			h.repo.Order(t, tt.fault)
			h.limits.Window, h.limits.MinRate, h.limits.Attempts = time.Second, 1<<20, 2
			h.restart()
			failed := h.do(h.updater.Prepare)
			if tt.want == "" && failed == "" {
				checkSlot(t, h, two)
				return
			}
			if tt.want == "" || !strings.Contains(failed, tt.want) {
				t.Errorf("refused with %q, want %q", failed, tt.want)
			}
			h.want(api.UpdateAvailable)
			if names := h.machine.FAT.Names(); len(names) != 1 {
				t.Errorf("boot entries are %v", names)
			}
			h.repo.Order(t)
			h.ok(h.updater.Prepare)
			checkSlot(t, h, two)
		})
	}
}

// dropRaw publishes a build without its uncompressed image.
func dropRaw(t *testing.T, h *fakeHost, b *build) {
	t.Helper()
	h.repo.Change(t, func(m *manifest.Manifest) {
		i := m.Find("base", "x86_64", b.version)
		var kept []manifest.Artefact
		for _, a := range i.Artefacts {
			if a.Role != manifest.RoleRoot {
				kept = append(kept, a)
			}
		}
		i.Artefacts = kept
	})
}

// TestFrozen: old metadata is noticed once its time is over, also by a host
// whose clock says 1970: it takes the time of its build for the earliest.
func TestFrozen(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.repo.Order(t, repotest.Frozen())
	h.publish(two, nil)
	h.ok(h.updater.Refresh)
	h.want(api.UpdateIdle) // nothing new, and not known better
	h.now = h.repo.Expires().Add(time.Second)
	if failed := h.do(h.updater.Refresh); !strings.Contains(failed, "is expired (by this host it is ") {
		t.Errorf("refused with %q", failed)
	}
	h.untouched(h.machine.FAT.Names())
}

func TestClockIn1970(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.now = time.Unix(60, 0)
	h.floor = h.repo.Expires().Add(time.Hour) // built after the metadata ended
	h.restart()
	if failed := h.prepared(); !strings.Contains(failed, "is expired (by this host it is ") {
		t.Errorf("refused with %q", failed)
	}
	h.untouched(h.machine.FAT.Names())
	h.floor = h.repo.Expires().Add(-time.Hour)
	h.restart()
	h.ok(h.updater.Refresh, h.updater.Prepare) // the clock stands still, the results are told apart
	checkSlot(t, h, two)
}

// TestMixedUpFiles: all is signed, but the publisher, or somebody with their
// key, took a file of another image.
func TestMixedUpFiles(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	other, next := version(t, "1.1.0", "k8s"), version(t, "1.2.0", "base")
	without := func(roles ...manifest.Role) map[manifest.Role][]byte {
		files := map[manifest.Role][]byte{}
		for role, data := range two.files {
			files[role] = data
		}
		for _, r := range roles {
			delete(files, r)
		}
		return files
	}
	with := func(role manifest.Role, data []byte) map[manifest.Role][]byte {
		files := without(manifest.RoleUKIIndex, manifest.RoleUKIFrames)
		files[role] = data
		return files
	}
	arm := bytes.Clone(two.files[manifest.RoleUKI])
	arm[int(arm[60])|int(arm[61])<<8+4] ^= 0xff
	for _, tt := range []struct {
		name, want string
		files      map[manifest.Role][]byte
	}{
		{"UKI of another variant", `its variant is "k8s", want "base"`, with(manifest.RoleUKI, other.files[manifest.RoleUKI])},
		{"UKI of another version", `its version is "1.2.0", want "1.1.0"`, with(manifest.RoleUKI, next.files[manifest.RoleUKI])},
		{"UKI of another architecture", "its architecture is", with(manifest.RoleUKI, arm)},
		{"UKI is none", "not a 64-bit PE file", with(manifest.RoleUKI, []byte("text"))},
		{"index of another variant", "reading root.index: it is of the root hash " + other.hash, with(manifest.RoleIndex, other.files[manifest.RoleIndex])},
		{"index is none", "no block index", with(manifest.RoleIndex, []byte("text"))},
		{"frames of another version", "bytes of frames, and", with(manifest.RoleFrames, []byte("short"))},
		{"no index", `has no file for the role "index"`, without(manifest.RoleIndex)},
		{"no frames", `has no file for the role "frames"`, without(manifest.RoleFrames)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, one)
			h.repo.Add(t, two.image(), tt.files, nil)
			names := h.machine.FAT.Names()
			if failed := h.prepared(); !strings.Contains(failed, tt.want) {
				t.Errorf("refused with %q, want %q", failed, tt.want)
			}
			h.untouched(names)
		})
	}
}

// A file under another name is not taken for it: right size, wrong content.
func TestFileOfAnotherVariantInItsPlace(t *testing.T) {
	one, two, other := version(t, "1.0.0", "base"), version(t, "1.1.0", "base"), version(t, "1.1.0", "k8s")
	h := newHost(t, one)
	h.publish(two, nil)
	real := h.repo.Client().Transport
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "root.index") {
			w.Write(other.files[manifest.RoleIndex])
			return
		}
		r.URL.Scheme, r.URL.Host, r.RequestURI = "http", strings.TrimPrefix(strings.TrimSuffix(h.repo.TargetsURL(), "/targets"), "http://"), ""
		res, err := real.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		res.Write(w)
	}))
	defer proxy.Close()
	h.ok(h.updater.Refresh)
	h.config.TargetsURL = proxy.URL + "/targets"
	if failed := h.do(h.updater.Prepare); failed == "" {
		t.Error("it went through")
	}
	h.untouched(h.machine.FAT.Names())
}

func TestDoesNotFit(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.machine.FAT.Room = int64(len(two.files[manifest.RoleUKI])) // and nothing to spare
	names := h.machine.FAT.Names()
	if failed := h.prepared(); !strings.Contains(failed, "version 1.1.0 cannot be taken: boot image does not fit: it needs ") {
		t.Errorf("refused with %q", failed)
	}
	h.untouched(names)
}
