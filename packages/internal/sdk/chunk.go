// Package sdk packs locked Debian packages into one root file system archive
// and unpacks it.
//
// The archive is a zstd-compressed tar in pieces, one for each package after
// one for the folders. Each piece is a zstd frame of its own behind a
// skippable frame with its length (RFC 8878, section 3.1.2), so that pieces
// are packed and unpacked in parallel; to zstd and tar it is an ordinary
// .tar.zst. The pieces together are one tar stream: only the last ends it.
package sdk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// skippableMagic begins a skippable frame of user data.
	skippableMagic = 0x184D2A50
	// indexSize is the size of a skippable frame that holds one length.
	indexSize = 12
	// maxWindow bounds the memory that a frame can ask for; encoder needs 8 MiB.
	maxWindow = 64 << 20
	// maxChunk bounds the memory that a length in an archive can ask for.
	maxChunk = 1 << 30
)

// tarEnd closes a tar stream: two blocks of zeros.
var tarEnd [1024]byte

// encoder compresses one chunk. Speed counts: packing waits for nothing else.
func encoder(out io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
}

// decoder decompresses one chunk.
func decoder(frame []byte) (*zstd.Decoder, error) {
	return zstd.NewReader(bytes.NewReader(frame), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
}

// writeChunk writes a frame behind its length.
func writeChunk(out io.Writer, frame []byte) error {
	if len(frame) > maxChunk {
		return fmt.Errorf("a chunk of %d bytes is too long", len(frame))
	}
	index := binary.LittleEndian.AppendUint32(nil, skippableMagic)
	index = binary.LittleEndian.AppendUint32(index, 4)
	index = binary.LittleEndian.AppendUint32(index, uint32(len(frame)))
	if _, err := out.Write(index); err != nil {
		return err
	}
	_, err := out.Write(frame)
	return err
}

// readChunk returns the next frame; io.EOF after the last.
func readChunk(in io.Reader) ([]byte, error) {
	var index [indexSize]byte
	if _, err := io.ReadFull(in, index[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("reading the length of a chunk: %w", err)
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(index[4*i:]) }
	if word(0) != skippableMagic || word(1) != 4 || word(2) > maxChunk {
		return nil, errors.New("this is no SDK archive: a chunk does not begin with its length")
	}
	var frame bytes.Buffer
	if n, err := io.CopyN(&frame, in, int64(word(2))); err != nil {
		return nil, fmt.Errorf("the archive is truncated: a chunk has %d of %d bytes", n, word(2))
	}
	return frame.Bytes(), nil
}
