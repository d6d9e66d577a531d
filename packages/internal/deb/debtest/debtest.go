// Package debtest makes Debian binary packages for tests.
package debtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// File is one file of a package's data. A nil Header.Typeflag means a regular
// file; Size is taken from Content.
type File struct {
	tar.Header
	Content string
}

// Dir, Regular, Symlink and Link make the usual entries.
func Dir(name string, mode int64) File {
	return File{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}}
}

// Regular makes a regular file.
func Regular(name string, mode int64, content string) File {
	return File{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, Content: content}
}

// Symlink makes a symbolic link.
func Symlink(name, target string) File {
	return File{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

// Link makes a hard link.
func Link(name, target string) File {
	return File{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

// Build returns a package whose data.tar is compressed as suffix says: "",
// ".gz", ".xz" or ".zst".
func Build(t testing.TB, suffix string, files ...File) []byte {
	t.Helper()
	var plain bytes.Buffer
	tw := tar.NewWriter(&plain)
	for _, f := range files {
		f.Size = int64(len(f.Content))
		write(t, tw.WriteHeader(&f.Header))
		_, err := io.WriteString(tw, f.Content)
		write(t, err)
	}
	write(t, tw.Close())
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	member(&out, "debian-binary", []byte("2.0\n"))
	member(&out, "control.tar"+suffix, compress(t, suffix, make([]byte, 1024)))
	member(&out, "data.tar"+suffix, compress(t, suffix, plain.Bytes()))
	return out.Bytes()
}

// member writes one ar member.
func member(out *bytes.Buffer, name string, content []byte) {
	fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", len(content))
	out.Write(content)
	if len(content)%2 == 1 {
		out.WriteByte('\n')
	}
}

// compress compresses data as suffix says.
func compress(t testing.TB, suffix string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch suffix {
	case "":
		return data
	case ".gz":
		w = gzip.NewWriter(&out)
	case ".xz":
		w, err = xz.NewWriter(&out)
	case ".zst":
		w, err = zstd.NewWriter(&out)
	default:
		t.Fatalf("debtest: the compression %q is not known", suffix)
	}
	write(t, err)
	_, err = w.Write(data)
	write(t, err)
	write(t, w.Close())
	return out.Bytes()
}

func write(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("debtest: %v", err)
	}
}
