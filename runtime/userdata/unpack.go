package userdata

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/slipway-os/slipway/runtime/settings"
)

// isGzip tells RFC 1952's first bytes.
func isGzip(data []byte) bool { return bytes.HasPrefix(data, []byte{0x1f, 0x8b}) }

// unpack returns data as they are, or unpacks them. All that is unpacked from
// one user data shares the room, which is counted down: a small file may claim
// to hold a disk full of zeros.
func unpack(data []byte, room *int) ([]byte, error) {
	if !isGzip(data) {
		return data, nil
	}
	broken := func(err error) error {
		return &settings.Problem{Message: fmt.Sprintf("the gzip data are broken: %v", err)}
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, broken(err)
	}
	text, err := io.ReadAll(io.LimitReader(z, int64(*room)+1))
	if err != nil {
		return nil, broken(err)
	}
	if len(text) > *room {
		return nil, &settings.Problem{Message: fmt.Sprintf("the user data are larger than %d bytes once they are unpacked", MaxSize)}
	}
	*room -= len(text)
	if isGzip(text) {
		return nil, &settings.Problem{Message: "the user data are packed twice by gzip"}
	}
	return text, nil
}
