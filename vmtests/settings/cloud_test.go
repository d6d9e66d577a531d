package settings

import (
	"net"
	"net/http"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A cloud is an instance metadata service of version 2, which a machine with
// NetworkHost 169.254.169.254 reaches.
type cloud struct {
	denied atomic.Int32 // requests without a token
}

const token = "token-of-the-test"

// newCloud serves user data until the spec ends.
func newCloud(userData string) *cloud {
	GinkgoHelper()
	c := &cloud{}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") == "" {
			http.Error(w, "no TTL", http.StatusBadRequest)
			return
		}
		w.Header().Set("X-aws-ec2-metadata-token-ttl-seconds", "21600")
		w.Write([]byte(token))
	})
	serve := func(path, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-aws-ec2-metadata-token") != token {
				c.denied.Add(1)
				http.Error(w, "no token", http.StatusUnauthorized)
				return
			}
			w.Write([]byte(body))
		})
	}
	serve("/latest/user-data", userData)
	serve("/latest/meta-data/local-hostname", "ip-10-0-0-7.ec2.internal")
	serve("/latest/meta-data/instance-id", "i-0123456789abcdef0")
	listener, err := net.Listen("tcp", "127.0.0.1:80")
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	DeferCleanup(server.Close)
	return c
}
