package deb_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/packages/internal/deb"
	"github.com/slipway-os/slipway/packages/internal/deb/debtest"
)

// read returns the names and contents in the data of a package.
func read(data []byte) (map[string]string, error) {
	in, closer, err := deb.Data(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	files := map[string]string{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		files[h.Name] = string(content)
	}
}

func TestData(t *testing.T) {
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		t.Run("data.tar"+suffix, func(t *testing.T) {
			got, err := read(debtest.Build(t, suffix,
				debtest.Dir("./usr/", 0o755), debtest.Regular("./usr/a", 0o644, "content")))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"./usr/": "", "./usr/a": "content"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDataRefuses(t *testing.T) {
	whole := debtest.Build(t, ".gz", debtest.Regular("./a", 0o644, strings.Repeat("content", 1000)))
	replace := func(old, with string) []byte { return bytes.Replace(whole, []byte(old), []byte(with), 1) }
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":               {nil, "no ar archive"},
		"no ar":               {[]byte("PK\x03\x04 and more"), "no ar archive"},
		"another ar":          {replace("debian-binary", "debian-binarx"), "does not begin with debian-binary"},
		"another version":     {replace("2.0\n", "3.0\n"), `format is "3.0\n"`},
		"no data":             {replace("data.tar.gz", "date.tar.gz"), "has no data"},
		"unknown compression": {replace("data.tar.gz", "data.tar.lz"), `compression ".lz" is not known`},
		"another compression": {replace("data.tar.gz ", "data.tar.zst"), "magic number mismatch"},
		"header cut":          {whole[:30], "reading an ar header"},
		"member cut":          {whole[:len(whole)-20], "unexpected EOF"},
		"bad end mark":        {replace("`\n", "`\t"), "its end mark is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("reading: %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzData(f *testing.F) {
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(debtest.Build(f, suffix, debtest.Regular("./a", 0o644, "content"), debtest.Symlink("./b", "a")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, closer, err := deb.Data(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer closer.Close()
		for {
			if _, err := in.Next(); err != nil {
				return
			}
			// A few bytes may expand to very many.
			if _, err := io.CopyN(io.Discard, in, 1<<20); err != nil && !errors.Is(err, io.EOF) {
				return
			}
		}
	})
}
