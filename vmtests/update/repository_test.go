package update

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/tuf-repo/serve"
)

// folder is the repository that the build made.
const folder = "/work/data/repository"

// network is the address of this host's loopback in a guest's network.
const network = "10.0.2.2"

// A repository serves the versions of the build.
type repository struct {
	files  http.Handler
	server *httptest.Server

	mu    sync.Mutex
	bad   string // served with a bit flipped where the path contains it; "": none
	asked []string
}

// newRepository serves until the spec or container ends.
func newRepository() *repository {
	GinkgoHelper()
	Expect(folder).To(BeADirectory(), "run this suite by its vm_test target")
	r := &repository{files: serve.Handler(folder, 0)}
	r.server = httptest.NewServer(r)
	DeferCleanup(r.server.Close)
	return r
}

// settings make a host follow this repository, as TOML.
func (r *repository) settings() string {
	base := fmt.Sprintf("http://%s:%d", network, r.server.Listener.Addr().(*net.TCPAddr).Port)
	return fmt.Sprintf("[settings.updates]\nmetadata-base-url = \"%s/metadata\"\ntargets-base-url = \"%s/targets\"\n", base, base)
}

// tamper flips a bit in the middle of each answer whose path contains a text;
// "" ends that.
func (r *repository) tamper(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad, r.asked = path, nil
}

// requests are the paths that were asked for since the last call of tamper.
func (r *repository) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.asked...)
}

// ServeHTTP answers a host.
func (r *repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	bad := r.bad != "" && strings.Contains(req.URL.Path, r.bad)
	r.asked = append(r.asked, req.URL.Path)
	r.mu.Unlock()
	if !bad {
		r.files.ServeHTTP(w, req)
		return
	}
	answer := httptest.NewRecorder()
	r.files.ServeHTTP(answer, req)
	body := answer.Body.Bytes()
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(body)
}
