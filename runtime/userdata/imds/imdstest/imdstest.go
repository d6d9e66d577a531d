// Package imdstest serves instance metadata as EC2 does, version 2 only.
package imdstest

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// A Service is an http.Handler with the items that it was given. Its fields may
// be set until it is used.
type Service struct {
	Items map[string]string // by path, "/latest/user-data"

	mu       sync.Mutex
	issued   int
	valid    string
	requests []string
}

// Forget makes every token given out so far invalid, as one is at its end.
func (s *Service) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid = ""
}

// Requests returns what has been asked, "GET /latest/user-data", in order.
func (s *Service) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
		s.issue(w, r)
	case r.Method != http.MethodGet:
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case s.valid == "" || r.Header.Get("X-aws-ec2-metadata-token") != s.valid:
		http.Error(w, "no valid token", http.StatusUnauthorized)
	default:
		item, ok := s.Items[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, item)
	}
}

// issue answers the PUT for a token. EC2 refuses those that a proxy forwarded.
func (s *Service) issue(w http.ResponseWriter, r *http.Request) {
	ttl, err := strconv.Atoi(r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds"))
	if err != nil || ttl < 1 || ttl > 21600 {
		http.Error(w, "bad TTL", http.StatusBadRequest)
		return
	}
	if r.Header.Get("X-Forwarded-For") != "" {
		http.Error(w, "forwarded", http.StatusForbidden)
		return
	}
	s.issued++
	s.valid = fmt.Sprintf("token-%d==", s.issued)
	w.Header().Set("X-aws-ec2-metadata-token-ttl-seconds", strconv.Itoa(ttl))
	fmt.Fprint(w, s.valid)
}
