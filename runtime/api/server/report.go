package server

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

// Bounds of a support bundle.
const (
	bundleTimeout = 2 * time.Minute
	maxMember     = 4 << 20 // bytes; of a longer one, the end
	bundleLines   = "20000" // of each journal
)

func (s *Server) getReports(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, []api.Report{
		{Name: "support", Description: "Everything that helps to find out what is wrong, without secrets; a tar.gz file"},
	})
}

// A member is one file of a bundle.
type member struct {
	name string
	data func(ctx context.Context) ([]byte, error)
}

// supportHandler streams a bundle, one at a time: it is made member by member,
// so that it never is in memory as a whole. What cannot be had is in it as
// NAME.error.
func (s *Server) supportHandler() Handler {
	gate := make(chan struct{}, maxBundles)
	return func(w http.ResponseWriter, r *http.Request) error {
		select {
		case gate <- struct{}{}:
			defer func() { <-gate }()
		default:
			return problem(http.StatusTooManyRequests, "", "a report is being made already")
		}
		w.Header().Set("Content-Type", "application/gzip")
		w.Header().Set("Content-Disposition", `attachment; filename="slipway-support.tar.gz"`)
		if r.Method == http.MethodHead {
			return nil
		}
		ctx, cancel := context.WithTimeout(r.Context(), bundleTimeout)
		defer cancel()
		return writeBundle(ctx, paced{w}, s.members(), time.Now())
	}
}

// paced gives each piece of a long answer a deadline of its own.
type paced struct{ w http.ResponseWriter }

func (p paced) Write(b []byte) (int, error) {
	if err := send(p.w, http.NewResponseController(p.w), b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func writeBundle(ctx context.Context, w io.Writer, members []member, now time.Time) error {
	zw := gzip.NewWriter(w)
	tw := tar.NewWriter(zw)
	for _, m := range members {
		data, err := m.data(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("making the report: %w", ctx.Err())
		}
		if len(data) > 0 || err == nil {
			err = errors.Join(err, addMember(tw, m.name, data, now))
		}
		if err != nil {
			if err := addMember(tw, m.name+".error", []byte(err.Error()+"\n"), now); err != nil {
				return fmt.Errorf("sending the report: %w", err)
			}
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		return fmt.Errorf("sending the report: %w", err)
	}
	return nil
}

func addMember(tw *tar.Writer, name string, data []byte, now time.Time) error {
	header := &tar.Header{Name: "slipway-support/" + name, Mode: 0o644, Size: int64(len(data)), ModTime: now.Truncate(time.Second)}
	if err := tw.WriteHeader(header); err != nil {
		return err
	}
	_, err := tw.Write(data)
	return err
}

// document is a member in JSON.
func document(name string, make func(ctx context.Context) (any, error)) member {
	return member{name: name, data: func(ctx context.Context) ([]byte, error) {
		v, err := make(ctx)
		if err != nil {
			return nil, err
		}
		return json.MarshalIndent(v, "", "  ")
	}}
}

// file is a member that is a file of the host.
func (s *Server) file(name, path string) member {
	return member{name: name, data: func(context.Context) ([]byte, error) {
		f, err := os.Open(s.path(path))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return tail(f)
	}}
}

// output is a member that a program writes.
func output(name string, run func(context.Context, []string) (Stream, error), args ...string) member {
	return member{name: name, data: func(ctx context.Context) ([]byte, error) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		stream, err := run(ctx, args)
		if err != nil {
			return nil, err
		}
		b, err := tail(stream)
		return b, errors.Join(err, stream.Wait())
	}}
}

// tail reads all and keeps the last bytes, up to maxMember.
func tail(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	for {
		n, err := io.CopyN(&b, r, maxMember)
		if extra := b.Len() - maxMember; extra > 0 {
			b.Next(extra)
		}
		if n < maxMember || err != nil {
			if err == io.EOF {
				err = nil
			}
			return b.Bytes(), err
		}
	}
}
