package sdk

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-os/slipway/packages/internal/deb"
	"github.com/slipway-os/slipway/packages/internal/lockfile"
)

// Pack writes the archive of the locked packages, whose files are in debs. It
// runs no maintainer script. The identity that it returns is the SHA-256 of
// the archive; the same lock gives the same bytes.
func Pack(ctx context.Context, lock lockfile.Lock, debs string, out io.Writer) (id string, err error) {
	chunks := make([]chunk, len(lock.Packages))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range lock.Packages {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var err error
			if chunks[i], err = packOne(p, debs); err != nil {
				return fmt.Errorf("packing %s: %w", p.FileName(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	return assemble(lock, chunks, out)
}

// chunk is one package in the form that the archive has it.
type chunk struct {
	frame   []byte
	headers []*tar.Header
}

// packOne checks a package file against the lock and converts it.
func packOne(p lockfile.Package, debs string) (chunk, error) {
	data, err := os.ReadFile(filepath.Join(debs, p.FileName()))
	if err != nil {
		return chunk{}, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.SHA256 {
		return chunk{}, fmt.Errorf("expected sha256 %s, found %x (%d bytes)", p.SHA256, sum, len(data))
	}
	in, closer, err := deb.Data(bytes.NewReader(data))
	if err != nil {
		return chunk{}, err
	}
	defer closer.Close()
	var c chunk
	c.frame, err = compress(func(out *tar.Writer) error {
		c.headers, err = convert(in, out)
		return err
	})
	return c, err
}

// convert copies the files that the SDK keeps and returns their headers, and
// those of the folders, which are not copied.
func convert(in *tar.Reader, out *tar.Writer) ([]*tar.Header, error) {
	var all []*tar.Header
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading data.tar: %w", err)
		}
		if h, err = normalise(h); err != nil {
			return nil, err
		}
		if h == nil {
			continue
		}
		all = append(all, h)
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if err := out.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("writing %s: %w", h.Name, err)
		}
		if _, err := io.Copy(out, in); err != nil && h.Typeflag == tar.TypeReg {
			return nil, fmt.Errorf("writing %s: %w", h.Name, err)
		}
	}
}

// assemble writes the skeleton and then the chunks in the lock's order.
func assemble(lock lockfile.Lock, chunks []chunk, out io.Writer) (string, error) {
	t := &tree{dirs: map[string]int64{}, owner: map[string]string{}}
	for i, p := range lock.Packages {
		if err := t.add(p.Name, chunks[i].headers); err != nil {
			return "", err
		}
	}
	if err := t.check(); err != nil {
		return "", err
	}
	skeleton, err := compress(t.write)
	if err != nil {
		return "", fmt.Errorf("writing the skeleton: %w", err)
	}
	end, err := compressRaw(func(out io.Writer) error {
		_, err := out.Write(tarEnd[:])
		return err
	})
	if err != nil {
		return "", err
	}
	frames := [][]byte{skeleton}
	for _, c := range chunks {
		frames = append(frames, c.frame)
	}
	hash := sha256.New()
	for _, frame := range append(frames, end) {
		if err := writeChunk(io.MultiWriter(out, hash), frame); err != nil {
			return "", fmt.Errorf("writing the archive: %w", err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// compress returns the frame of what write puts into a tar without an end.
func compress(write func(*tar.Writer) error) ([]byte, error) {
	return compressRaw(func(out io.Writer) error {
		tw := tar.NewWriter(out)
		if err := write(tw); err != nil {
			return err
		}
		return tw.Flush()
	})
}

// compressRaw returns the frame of what write writes.
func compressRaw(write func(io.Writer) error) ([]byte, error) {
	var frame bytes.Buffer
	enc, err := encoder(&frame)
	if err != nil {
		return nil, fmt.Errorf("starting zstd: %w", err)
	}
	if err := write(enc); err != nil {
		return nil, errors.Join(err, enc.Close())
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return frame.Bytes(), nil
}
