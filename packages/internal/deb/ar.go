// Package deb reads Debian binary packages (deb(5)) in process.
package deb

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	arMagic      = "!<arch>\n"
	arHeaderSize = 60
	arHeaderEnd  = "`\n"
)

// Ar reads the members of an ar archive in order.
type Ar struct {
	in   io.Reader
	left int64 // bytes of the current member not read yet
	pad  int64 // bytes between the current member and the next header
}

// Member is the header of one member.
type Member struct {
	Name string
	Size int64 // bytes
}

// NewAr checks the archive's magic and returns a reader of its members.
func NewAr(r io.Reader) (*Ar, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return nil, errors.New("this is no ar archive")
	}
	return &Ar{in: r}, nil
}

// Next skips to the next member; io.EOF after the last.
func (a *Ar) Next() (Member, error) {
	if _, err := io.CopyN(io.Discard, a.in, a.left); err != nil {
		return Member{}, fmt.Errorf("skipping an ar member: %w", noEOF(err))
	}
	// The last member may lack its padding.
	if _, err := io.CopyN(io.Discard, a.in, a.pad); err != nil {
		return Member{}, err
	}
	a.left, a.pad = 0, 0
	header := make([]byte, arHeaderSize)
	if _, err := io.ReadFull(a.in, header); err != nil {
		if errors.Is(err, io.EOF) {
			return Member{}, io.EOF
		}
		return Member{}, fmt.Errorf("reading an ar header: %w", err)
	}
	if string(header[58:]) != arHeaderEnd {
		return Member{}, errors.New("reading an ar header: its end mark is missing")
	}
	size, err := strconv.ParseInt(strings.TrimRight(string(header[48:58]), " "), 10, 64)
	if err != nil || size < 0 {
		return Member{}, fmt.Errorf("reading an ar header: %q is not a size", header[48:58])
	}
	a.left, a.pad = size, size%2
	name := strings.TrimSuffix(strings.TrimRight(string(header[:16]), " "), "/")
	return Member{Name: name, Size: size}, nil
}

// Read reads the current member's content.
func (a *Ar) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > a.left {
		p = p[:a.left]
	}
	n, err := a.in.Read(p)
	a.left -= int64(n)
	if a.left > 0 {
		err = noEOF(err)
	}
	return n, err
}

// noEOF turns the end of the input, where more must come, into an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
