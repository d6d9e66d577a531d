package repotest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/client"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repotest"
)

func image(version string) manifest.Image {
	return manifest.Image{Variant: "base", Arch: "x86_64", Version: version, RootHash: strings.Repeat("ab", 32)}
}

func files(version string) map[manifest.Role][]byte {
	return map[manifest.Role][]byte{
		manifest.RoleRoot: bytes.Repeat([]byte(version), 10000), manifest.RoleUKI: []byte("uki " + version), manifest.RoleFacts: []byte("{}"),
	}
}

// host is a client with a memory.
type host struct {
	repo  *repotest.Repo
	cache string
	root  []byte
}

func newHost(t *testing.T, r *repotest.Repo) *host { return &host{r, t.TempDir(), r.Root()} }

// update reads the manifest and all artefacts of its images, with the clock at
// a time (zero: now), and returns the versions.
func (h *host) update(now time.Time) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := client.New(ctx, h.root, h.cache, client.Source{Metadata: h.repo.MetadataURL(), Targets: h.repo.TargetsURL(), HTTP: h.repo.Client()}, now)
	if err != nil {
		return "", err
	}
	if err := c.Refresh(); err != nil {
		return "", err
	}
	m, err := c.Manifest(ctx, repotest.Channel)
	if err != nil {
		return "", err
	}
	var versions []string
	for n := range m.Images {
		i := &m.Images[n]
		for k := range i.Artefacts {
			info, err := c.Target(m.TargetPath(i, &i.Artefacts[k]))
			if err != nil {
				return "", err
			}
			if err := c.Copy(ctx, info, io.Discard); err != nil {
				return "", err
			}
		}
		versions = append(versions, i.Version)
	}
	return strings.Join(versions, " "), nil
}

func TestGood(t *testing.T) {
	r := repotest.New(t)
	h := newHost(t, r)
	for _, want := range []string{"", "1.0.0", "1.0.0 1.1.0"} {
		if got, err := h.update(time.Time{}); err != nil || got != want {
			t.Fatalf("update = %q, %v; want %q", got, err, want)
		}
		if want == "" {
			r.Add(t, image("1.0.0"), files("1.0.0"), nil)
		} else {
			r.Add(t, image("1.1.0"), files("1.1.0"), nil)
		}
	}
	r.ForgetRequests()
	if _, err := newHost(t, r).update(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got := r.Requests()[0]; got != "GET /metadata/2.root.json" {
		t.Errorf("first request is %q", got)
	}
}

// TestFaults shows each fault to a host that has seen two publications.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault repotest.Fault
		want  error // a type of go-tuf's, or
		text  string
	}{
		{"expired root", repotest.Expired("root"), &metadata.ErrExpiredMetadata{}, "root"},
		{"expired timestamp", repotest.Expired("timestamp"), &metadata.ErrExpiredMetadata{}, "timestamp"},
		{"expired snapshot", repotest.Expired("snapshot"), &metadata.ErrExpiredMetadata{}, "snapshot"},
		{"expired targets", repotest.Expired("targets"), &metadata.ErrExpiredMetadata{}, "targets"},
		{"expired channel", repotest.Expired(repotest.Channel), &metadata.ErrExpiredMetadata{}, "stable"},
		{"wrong key of root", repotest.WrongKey("root"), &metadata.ErrUnsignedMetadata{}, "root"},
		{"wrong key of timestamp", repotest.WrongKey("timestamp"), &metadata.ErrUnsignedMetadata{}, "timestamp"},
		{"wrong key of snapshot", repotest.WrongKey("snapshot"), &metadata.ErrUnsignedMetadata{}, "snapshot"},
		{"wrong key of targets", repotest.WrongKey("targets"), &metadata.ErrUnsignedMetadata{}, "targets"},
		{"wrong key of channel", repotest.WrongKey(repotest.Channel), &metadata.ErrUnsignedMetadata{}, "stable"},
		{"threshold of root", repotest.ThresholdNotMet("root"), &metadata.ErrUnsignedMetadata{}, "got 1, want 2"},
		{"threshold of timestamp", repotest.ThresholdNotMet("timestamp"), &metadata.ErrUnsignedMetadata{}, "got 1, want 2"},
		{"threshold of channel", repotest.ThresholdNotMet(repotest.Channel), &metadata.ErrUnsignedMetadata{}, "got 1, want 2"},
		{"timestamp rolled back", repotest.RolledBack("timestamp"), &metadata.ErrBadVersionNumber{}, "timestamp version"},
		{"snapshot rolled back", repotest.RolledBack("snapshot"), &metadata.ErrBadVersionNumber{}, "snapshot version"},
		{"targets rolled back", repotest.RolledBack("targets"), &metadata.ErrBadVersionNumber{}, "targets.json"},
		{"channel rolled back", repotest.RolledBack(repotest.Channel), &metadata.ErrBadVersionNumber{}, "stable.json"},
		{"endless timestamp", repotest.EndlessData("timestamp.json"), &metadata.ErrDownloadLengthMismatch{}, "timestamp.json"},
		{"endless target", repotest.EndlessData("root.erofs"), nil, "more than the 50000 bytes that were signed"},
		{"truncated target", repotest.Truncated("root.erofs"), nil, "unexpected EOF"},
		{"corrupted target", repotest.Corrupted("root.erofs"), nil, "not those that were signed"},
		{"corrupted timestamp", repotest.Corrupted("timestamp.json"), nil, "timestamp"},
		{"slow target", repotest.SlowTrickle("uki.efi", time.Millisecond), nil, ""},
		{"unavailable", repotest.Unavailable(1), &metadata.ErrDownloadHTTP{}, "503"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := repotest.New(t)
			h := newHost(t, r)
			r.Add(t, image("1.0.0"), files("1.0.0"), nil)
			if _, err := h.update(time.Time{}); err != nil {
				t.Fatalf("before the fault: %v", err)
			}
			r.Order(t, tt.fault)
			_, err := h.update(time.Time{})
			if tt.want == nil && tt.text == "" {
				if err != nil {
					t.Fatalf("update = %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.text) || !sameType(err, tt.want) {
				t.Fatalf("update = %v, want an error of type %T with %q", err, tt.want, tt.text)
			}
			r.Order(t) // healed
			if _, err := newHost(t, r).update(time.Time{}); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

// sameType looks for the exact type: go-tuf's errors call themselves the more
// general ones as well.
func sameType(err, want error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if want == nil || fmt.Sprintf("%T", err) == fmt.Sprintf("%T", want) {
			return true
		}
	}
	return false
}

func TestFrozen(t *testing.T) {
	r := repotest.New(t)
	h := newHost(t, r)
	r.Order(t, repotest.Frozen())
	r.Add(t, image("1.0.0"), files("1.0.0"), nil)
	if got, err := h.update(time.Time{}); err != nil || got != "" {
		t.Errorf("update = %q, %v; want nothing new", got, err)
	}
	_, err := h.update(r.Expires().Add(time.Second))
	if !errors.Is(err, &metadata.ErrExpiredMetadata{}) {
		t.Errorf("a day later: update = %v, want ErrExpiredMetadata", err)
	}
}

func TestMixed(t *testing.T) {
	r := repotest.New(t)
	h := newHost(t, r)
	r.Add(t, image("1.0.0"), files("1.0.0"), nil)
	r.Order(t, repotest.Mixed())
	_, err := h.update(time.Time{})
	if !errors.Is(err, &metadata.ErrBadVersionNumber{}) {
		t.Errorf("update = %v, want ErrBadVersionNumber", err)
	}
}

func TestRedirect(t *testing.T) {
	asked := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked <- req.URL.Path
		http.NotFound(w, req)
	}))
	defer other.Close()
	r := repotest.New(t, repotest.RedirectTo(other.URL))
	if _, err := newHost(t, r).update(time.Time{}); err == nil {
		t.Error("update = nil, want an error")
	}
	if path := <-asked; !strings.HasPrefix(path, "/targets/stable/") {
		t.Errorf("the other host was asked for %q", path)
	}
}

func TestRanges(t *testing.T) {
	const whole, wanted = 50000, "bytes=100-199"
	data := files("1.0.0")[manifest.RoleRoot]
	for _, tt := range []struct {
		name   string
		faults []repotest.Fault
		status int
		body   []byte
	}{
		{"good", nil, http.StatusPartialContent, data[100:200]},
		{"ignored", []repotest.Fault{repotest.IgnoringRanges()}, http.StatusOK, data},
		{"wrong", []repotest.Fault{repotest.WrongRanges()}, http.StatusPartialContent, append(data[4096:], data...)[100:200]},
		{"truncated", []repotest.Fault{repotest.Truncated("root.erofs")}, http.StatusPartialContent, data[100:150]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := repotest.New(t, tt.faults...)
			i := r.Add(t, image("1.0.0"), files("1.0.0"), nil)
			a := i.Artefact(manifest.RoleRoot)
			req, err := http.NewRequest(http.MethodGet, r.TargetsURL()+"/stable/base/x86_64/1.0.0/"+a.SHA256+"."+a.Name, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Range", wanted)
			res, err := r.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if tt.name == "truncated" != errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("reading: %v", err)
			}
			if res.StatusCode != tt.status || !bytes.Equal(body, tt.body) {
				t.Errorf("status %d with %d bytes, want %d with %d of the right ones", res.StatusCode, len(body), tt.status, len(tt.body))
			}
			if requests := r.Requests(); !strings.HasSuffix(requests[len(requests)-1], " "+wanted) {
				t.Errorf("noted request is %q", requests[len(requests)-1])
			}
			if len(data) != whole {
				t.Errorf("the artefact has %d bytes", len(data))
			}
		})
	}
}
