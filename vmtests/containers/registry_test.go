package containers

import (
	"archive/tar"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/vmtests/containers/tool"
)

// Whom the private registry lets in.
const (
	user     = "team-red"
	password = "correct-horse-battery"
)

// A store of images behind two doors: one that is open and speaks HTTP, one
// that wants a password and speaks TLS.
type store struct {
	open, private *httptest.Server
	ca            []byte // PEM, of the private one

	mu    sync.Mutex
	asked []string // "GET /v2/tool/manifests/1?ns=registry.test", of the open one
}

// newStore serves the tool's image as tool:1 until the spec or container ends.
func newStore() *store {
	GinkgoHelper()
	s := &store{}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.open = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
		s.mu.Unlock()
		images.ServeHTTP(w, r)
	}))
	DeferCleanup(s.open.Close)
	s.private = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="the test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	s.private.TLS = &tls.Config{}
	s.private.Config.ErrorLog = log.New(GinkgoWriter, "private registry: ", 0)
	s.ca = certify(s.private.TLS)
	s.private.StartTLS()
	DeferCleanup(s.private.Close)
	ref, err := name.ParseReference(s.open.Listener.Addr().String()+"/tool:1", name.Insecure)
	Expect(err).NotTo(HaveOccurred())
	Expect(remote.Write(ref, toolImage())).To(Succeed())
	return s
}

// guestAddress is where a guest finds a server, as HOST:PORT.
func guestAddress(s *httptest.Server) string {
	return fmt.Sprintf("%s:%d", network, s.Listener.Addr().(*net.TCPAddr).Port)
}

// requests are what the open door was asked for so far.
func (s *store) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// certify makes a certificate for the address that guests know, and returns it:
// it is its own authority.
func certify(c *tls.Config) []byte {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry of the test"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(network)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	c.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// toolImage is an image with nothing but this program in it. By itself it says
// that it runs, and stays.
func toolImage() v1.Image {
	GinkgoHelper()
	layer, err := tarball.LayerFromOpener(toolLayer)
	Expect(err).NotTo(HaveOccurred())
	img, err := mutate.AppendLayers(empty.Image, layer)
	Expect(err).NotTo(HaveOccurred())
	config, err := img.ConfigFile()
	Expect(err).NotTo(HaveOccurred())
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.Entrypoint = []string{tool.Path}
	config.Config.Cmd = []string{"stay", "as", "the", "image", "has", "it"}
	img, err = mutate.ConfigFile(img, config)
	Expect(err).NotTo(HaveOccurred())
	return img
}

// toolLayer is the image's only layer, as a tar. Folders that the host's things
// are mounted at are made by runc.
func toolLayer() (io.ReadCloser, error) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(tool.Path, "/"), Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	link := &tar.Header{Typeflag: tar.TypeSymlink, Name: strings.TrimPrefix(tool.Shell, "/"), Linkname: tool.Path, Mode: 0o777}
	if err := w.WriteHeader(link); err != nil {
		return nil, err
	}
	return io.NopCloser(&b), w.Close()
}
