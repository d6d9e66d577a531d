package image_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/image"
)

// puller returns a puller into a new store that loses no time between attempts.
func puller(t *testing.T, a image.Access) (*image.Puller, *containerstest.Store) {
	t.Helper()
	s := containerstest.NewStore(t)
	return &image.Puller{Store: s, Access: a, Log: discard(), Backoff: 1}, s
}

func TestPull(t *testing.T) {
	r := newRegistry(t)
	digest := r.push(t, "app:1", 3)
	p, s := puller(t, image.Access{})
	name := r.host + "/app:1"
	img, err := p.Pull(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if img.Name != name || img.Target.Digest.String() != digest {
		t.Errorf("Pull() = %s %s, want %s %s", img.Name, img.Target.Digest, name, digest)
	}
	if got := s.Unpacked(); len(got) != 1 || got[0] != name {
		t.Errorf("unpacked %q", got)
	}
	if _, err := p.Pull(t.Context(), r.host+"/app@"+digest); err != nil {
		t.Errorf("by digest: %v", err)
	}
}

func TestPullOfOnePlatform(t *testing.T) {
	r := newRegistry(t)
	r.pushIndex(t, "multi:1")
	p, _ := puller(t, image.Access{})
	if _, err := p.Pull(t.Context(), r.host+"/multi:1"); err != nil {
		t.Fatal(err)
	}
	if n := r.blobs(); n != 2 { // config and layer of this machine's
		t.Errorf("%d blobs were fetched, want 2", n)
	}
}

func TestMirror(t *testing.T) {
	mirror, down := newRegistry(t), newRegistry(t)
	mirror.push(t, "team/app:1", 1)
	down.fail = func(*http.Request) int { return http.StatusServiceUnavailable }
	for _, of := range []string{"upstream.invalid", "*"} {
		p, _ := puller(t, image.Access{Mirrors: []image.Mirror{
			{Registry: of, Endpoints: []string{"http://" + down.host, "http://" + mirror.host}},
		}})
		if _, err := p.Pull(t.Context(), "upstream.invalid/team/app:1"); err != nil {
			t.Errorf("mirror of %s: %v", of, err)
		}
	}
	if q := mirror.lastQuery(); q != "ns=upstream.invalid" {
		t.Errorf("the mirror was asked with %q", q)
	}
}

func TestMirrorWithPath(t *testing.T) {
	mirror := newRegistry(t)
	mirror.push(t, "proxied/team/app:1", 1)
	p, _ := puller(t, image.Access{Mirrors: []image.Mirror{
		{Registry: "upstream.invalid", Endpoints: []string{"http://" + mirror.host + "/v2/proxied/"}},
	}})
	if _, err := p.Pull(t.Context(), "upstream.invalid/team/app:1"); err != nil {
		t.Error(err)
	}
}

func TestEveryHostIsNamed(t *testing.T) {
	mirror, upstream := newRegistry(t), newRegistry(t)
	mirror.fail = func(*http.Request) int { return http.StatusBadGateway }
	p, _ := puller(t, image.Access{Mirrors: []image.Mirror{{Registry: upstream.host, Endpoints: []string{"http://" + mirror.host}}}})
	_, err := p.Pull(t.Context(), upstream.host+"/app:1")
	if err == nil {
		t.Fatal("Pull() did not fail")
	}
	for _, want := range []string{
		"pulling " + upstream.host + "/app:1", "mirror " + mirror.host + ": status 502", "registry " + upstream.host + ": status 404",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q has no %q", err, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	for name, scheme := range map[string]func(r *registry){"basic": (*registry).basic, "token": (*registry).token} {
		tests := []struct {
			name string
			cred image.Credential
			want string // of the error
		}{
			{"password", image.Credential{Username: "u", Password: "p"}, ""},
			{"auth", image.Credential{Auth: "dTpw"}, ""}, // u:p
			{"none", image.Credential{}, "401"},
			{"wrong", image.Credential{Username: "u", Password: "wrong"}, "401"},
			{"auth that is no base64", image.Credential{Auth: "::"}, "auth is not base64"},
			{"auth without a colon", image.Credential{Auth: "dXA="}, "auth is not USERNAME:PASSWORD"},
		}
		for _, tt := range tests {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				r := newRegistry(t)
				r.push(t, "app:1", 1)
				scheme(r)
				tt.cred.Registry = r.host
				p, _ := puller(t, image.Access{Credentials: []image.Credential{tt.cred}})
				_, err := p.Pull(t.Context(), r.host+"/app:1")
				if tt.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), r.host) {
					t.Errorf("Pull() = %v, want %q and the host in it", err, tt.want)
				}
				if strings.Contains(err.Error(), "wrong") {
					t.Errorf("the error shows the password: %v", err)
				}
			})
		}
	}
}

func TestMirrorDoesNotSeeCredentials(t *testing.T) {
	mirror := newRegistry(t)
	mirror.push(t, "app:1", 1)
	mirror.basic()
	access := image.Access{
		Mirrors:     []image.Mirror{{Registry: "upstream.invalid", Endpoints: []string{"http://" + mirror.host}}},
		Credentials: []image.Credential{{Registry: "upstream.invalid", Username: "u", Password: "p"}},
	}
	p, _ := puller(t, access)
	p.Attempts = 1
	if _, err := p.Pull(t.Context(), "upstream.invalid/app:1"); err == nil {
		t.Error("the mirror took the registry's credentials")
	}
	access.Credentials[0].Registry = mirror.host
	p, _ = puller(t, access)
	if _, err := p.Pull(t.Context(), "upstream.invalid/app:1"); err != nil {
		t.Errorf("with the mirror's own credentials: %v", err)
	}
}

func TestAuthorities(t *testing.T) {
	r := newTLSRegistry(t)
	r.push(t, "app:1", 1)
	mirrors := []image.Mirror{{Registry: "upstream.invalid", Endpoints: []string{"https://" + r.host}}}
	p, _ := puller(t, image.Access{Mirrors: mirrors, CAs: [][]byte{r.authority()}})
	if _, err := p.Pull(t.Context(), "upstream.invalid/app:1"); err != nil {
		t.Error(err)
	}
	p, _ = puller(t, image.Access{Mirrors: mirrors})
	p.Attempts = 1
	if _, err := p.Pull(t.Context(), "upstream.invalid/app:1"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the authority: %v", err)
	}
	p, _ = puller(t, image.Access{CAs: [][]byte{[]byte("no PEM")}})
	p.Attempts = 1
	if _, err := p.Pull(t.Context(), "upstream.invalid/app:1"); err == nil || !strings.Contains(err.Error(), "pki") {
		t.Errorf("with a broken bundle: %v", err)
	}
}

func TestBrokenBlobs(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(n int, w http.ResponseWriter, b []byte)
		want  string // "": the pull succeeds
	}{
		{"truncated once", func(n int, w http.ResponseWriter, b []byte) {
			if n == 1 {
				cut(w, b)
				return
			}
			whole(w, b)
		}, ""},
		{"always truncated", func(_ int, w http.ResponseWriter, b []byte) { cut(w, b) }, "broke off"},
		{"changed", func(_ int, w http.ResponseWriter, b []byte) { b[len(b)/2] ^= 1; whole(w, b) }, "digest"},
		{"too long", func(_ int, w http.ResponseWriter, b []byte) { whole(w, append(b, 0)) }, "size"},
		{"slow", func(_ int, w http.ResponseWriter, b []byte) { dribble(w, b) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t)
			r.push(t, "app:1", 1)
			r.spoil = tt.spoil
			p, s := puller(t, image.Access{})
			p.Attempts = 2
			name := r.host + "/app:1"
			_, err := p.Pull(t.Context(), name)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Pull() = %v, want %q in it", err, tt.want)
			}
			if _, err := image.Find(t.Context(), s, name); !errors.Is(err, image.ErrNotHere) {
				t.Errorf("a broken image has its name: %v", err)
			}
		})
	}
}

func TestStalledRegistry(t *testing.T) {
	r := newRegistry(t)
	r.push(t, "app:1", 1)
	r.spoil = func(_ int, w http.ResponseWriter, b []byte) { stall(w, b) }
	p, _ := puller(t, image.Access{})
	p.Attempts, p.Stall = 1, 50*time.Millisecond
	_, err := p.Pull(t.Context(), r.host+"/app:1")
	if err == nil || !strings.Contains(err.Error(), "sent nothing for too long") {
		t.Errorf("Pull() = %v", err)
	}
}

func TestAttempts(t *testing.T) {
	for _, tt := range []struct {
		status, failures, want int // manifest requests that fail; attempts that are made, 0: any
	}{
		{http.StatusInternalServerError, 2, 0}, // package docker tries again, too
		{http.StatusInternalServerError, 99, 6},
		{http.StatusNotFound, 99, 1},
		{http.StatusForbidden, 99, 1},
	} {
		r := newRegistry(t)
		r.push(t, "app:1", 1)
		failed := 0
		r.fail = func(q *http.Request) int {
			if q.Method == http.MethodHead && failed < tt.failures {
				failed++
				return tt.status
			}
			return 0
		}
		p, _ := puller(t, image.Access{})
		var log strings.Builder
		p.Log = slog.New(slog.NewTextHandler(&log, nil))
		_, err := p.Pull(t.Context(), r.host+"/app:1")
		if fails := tt.failures == 99; fails != (err != nil) {
			t.Errorf("status %d: Pull() = %v", tt.status, err)
		}
		if n := strings.Count(log.String(), "msg=pulling "); tt.want > 0 && n != tt.want {
			t.Errorf("status %d: %d attempts, want %d", tt.status, n, tt.want)
		}
	}
}

func TestPullEndsWithItsContext(t *testing.T) {
	r := newRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.fail = func(*http.Request) int { cancel(); return http.StatusInternalServerError }
	p, _ := puller(t, image.Access{})
	p.Backoff = time.Hour
	if _, err := p.Pull(ctx, r.host+"/app:1"); err == nil {
		t.Error("Pull() did not fail")
	}
}

func TestBadNames(t *testing.T) {
	p, _ := puller(t, image.Access{})
	for _, name := range []string{"", "app", "a b", "registry.invalid/", "https://registry.invalid/app:1"} {
		if _, err := p.Pull(t.Context(), name); err == nil {
			t.Errorf("Pull(%q) did not fail", name)
		}
	}
}

func TestEnsure(t *testing.T) {
	r := newRegistry(t)
	name := r.host + "/app:1"
	first := r.push(t, "app:1", 1)
	p, _ := puller(t, image.Access{})
	if img, err := p.Ensure(t.Context(), name); err != nil || img.Target.Digest.String() != first {
		t.Fatalf("Ensure() = %v, %v", img.Target.Digest, err)
	}
	second := r.push(t, "app:1", 1)
	if img, err := p.Ensure(t.Context(), name); err != nil || img.Target.Digest.String() != second {
		t.Errorf("the tag has moved: Ensure() = %v, %v, want %s", img.Target.Digest, err, second)
	}
	r.fail = func(*http.Request) int { return http.StatusBadGateway }
	if img, err := p.Ensure(t.Context(), name); err != nil || img.Target.Digest.String() != second {
		t.Errorf("the registry is down: Ensure() = %v, %v, want %s", img.Target.Digest, err, second)
	}
	if _, err := p.Ensure(t.Context(), r.host+"/other:1"); err == nil {
		t.Error("an image that is nowhere was found")
	}
}
