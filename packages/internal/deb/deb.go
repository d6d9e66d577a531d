package deb

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
)

// maxWindow bounds the memory that a zstd stream can ask for, in bytes.
const maxWindow = 128 << 20

// Data returns the files of the package in r. Close it when done; the tar
// reader is not valid after that.
func Data(r io.Reader) (*tar.Reader, io.Closer, error) {
	ar, err := NewAr(r)
	if err != nil {
		return nil, nil, err
	}
	if err := checkFormat(ar); err != nil {
		return nil, nil, err
	}
	for {
		m, err := ar.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil, errors.New("the package has no data")
		}
		if err != nil {
			return nil, nil, err
		}
		if suffix, ok := strings.CutPrefix(m.Name, "data.tar"); ok {
			plain, err := decompress(ar, suffix)
			if err != nil {
				return nil, nil, fmt.Errorf("decompressing %s: %w", m.Name, err)
			}
			return tar.NewReader(plain), plain, nil
		}
	}
}

// checkFormat reads the first member: "debian-binary" with the version 2.x.
func checkFormat(ar *Ar) error {
	m, err := ar.Next()
	if err != nil {
		return fmt.Errorf("reading debian-binary: %w", noEOF(err))
	}
	if m.Name != "debian-binary" {
		return errors.New("the package does not begin with debian-binary")
	}
	version, err := io.ReadAll(io.LimitReader(ar, 16))
	if err != nil {
		return fmt.Errorf("reading debian-binary: %w", err)
	}
	if !strings.HasPrefix(string(version), "2.") {
		return fmt.Errorf("the package's format is %q, not 2.x", version)
	}
	return nil
}

// decompress undoes the compression that the suffix of a member's name tells.
func decompress(r io.Reader, suffix string) (io.ReadCloser, error) {
	switch suffix {
	case "":
		return io.NopCloser(r), nil
	case ".gz":
		return gzip.NewReader(r)
	case ".xz":
		in, err := xz.NewReader(r, 0)
		return io.NopCloser(in), err
	case ".zst":
		in, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return in.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("the compression %q is not known", suffix)
}
