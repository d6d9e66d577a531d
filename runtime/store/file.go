package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/slipway-os/slipway/runtime/settings"
)

// format is the number of the file's format. A reader refuses any other.
//
// The file is JSON lines. The first is the header; each other is one setting,
// in the order of the keys:
//
//	{"format":1,"version":"0.2.0","seq":3,"sha256":"…"}
//	{"key":"motd","value":"hello","source":"api","set":"2026-11-28T01:02:03Z"}
//
// sha256 is over the header without it, its line feed, and the rest of the file.
const format = 1

type header struct {
	Format  int    `json:"format"`
	Version string `json:"version"` // of the system that wrote it
	Seq     uint64 `json:"seq"`
	// Migrations are those that led to Version: an older system, which cannot
	// know them, runs them backward where it has no snapshot of its own.
	Migrations []Migration `json:"migrations,omitempty"`
	SHA256     string      `json:"sha256,omitempty"`
}

type line struct {
	Key string `json:"key"`
	Entry
}

// A document is the content of a file.
type document struct {
	Version    string
	Seq        uint64
	Migrations []Migration
	Stored     State
}

// encode never fails for what decode or Patch let in.
func (d document) encode() ([]byte, error) {
	h := header{Format: format, Version: d.Version, Seq: d.Seq, Migrations: d.Migrations}
	var body bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(d.Stored)) {
		if err := appendLine(&body, line{key, d.Stored[key]}); err != nil {
			return nil, err
		}
	}
	sum, err := h.sum(body.Bytes())
	if err != nil {
		return nil, err
	}
	h.SHA256 = sum
	var whole bytes.Buffer
	if err := appendLine(&whole, h); err != nil {
		return nil, err
	}
	whole.Write(body.Bytes())
	return whole.Bytes(), nil
}

func appendLine(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the settings: %w", err)
	}
	return nil
}

func (h header) sum(body []byte) (string, error) {
	h.SHA256 = ""
	var b bytes.Buffer
	if err := appendLine(&b, h); err != nil {
		return "", err
	}
	b.Write(body)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

// decode reads a file and believes nothing of it before the checksum holds.
func decode(data []byte) (document, error) {
	first, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return document{}, errors.New("it has no header")
	}
	h, err := decodeHeader(first, body)
	if err != nil {
		return document{}, err
	}
	d := document{Version: h.Version, Seq: h.Seq, Migrations: h.Migrations, Stored: State{}}
	for n := 2; len(body) > 0; n++ {
		var text []byte
		text, body, _ = bytes.Cut(body, []byte("\n"))
		l, err := decodeLine(text)
		if err == nil {
			if _, twice := d.Stored[l.Key]; twice {
				err = fmt.Errorf("the key %s is there twice", l.Key)
			}
		}
		if err != nil {
			return document{}, fmt.Errorf("line %d: %w", n, err)
		}
		d.Stored[l.Key] = l.Entry
	}
	return d, nil
}

func decodeHeader(first, body []byte) (header, error) {
	var number struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(first, &number); err != nil {
		return header{}, fmt.Errorf("its header: %w", err)
	}
	if number.Format != format {
		return header{}, fmt.Errorf("its format is %d, want %d", number.Format, format)
	}
	var h header
	if err := decodeStrict(first, &h); err != nil {
		return header{}, fmt.Errorf("its header: %w", err)
	}
	want, err := h.sum(body)
	if err != nil {
		return header{}, err
	}
	if h.SHA256 != want {
		return header{}, fmt.Errorf("its checksum is %q, want %q", h.SHA256, want)
	}
	return h, errors.Join(checkVersion(h.Version), checkMigrations(h.Migrations))
}

func decodeLine(text []byte) (line, error) {
	var l line
	if err := decodeStrict(text, &l); err != nil {
		return l, err
	}
	k, err := settings.ParseKey(l.Key)
	if err != nil {
		return l, err
	}
	if k.String() != l.Key {
		return l, fmt.Errorf("the key is %s, want %s", l.Key, k)
	}
	switch l.Source {
	case SourceGenerator, SourceUserData, SourceAPI:
	default:
		return l, fmt.Errorf("the source of %s is %q", l.Key, l.Source)
	}
	l.Value, err = compact(l.Value)
	if err != nil {
		return l, fmt.Errorf("the value of %s: %w", l.Key, err)
	}
	return l, nil
}

func decodeStrict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// compact is a value without white space; null and what is not JSON are errors.
func compact(value json.RawMessage) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if b.String() == "null" {
		return nil, fmt.Errorf("%w: null is not a value", ErrInvalid)
	}
	return b.Bytes(), nil
}

// replace writes a file beside the one at path and puts it in its place.
// Replaced says whether the new one may be found there although err is not nil.
func replace(fs FS, path string, data []byte) (replaced bool, err error) {
	beside := path + ".new"
	if err := writeSynced(fs, beside, data); err != nil {
		fs.Remove(beside) // it may be what filled the disk
		return false, err
	}
	if err := fs.Rename(beside, path); err != nil {
		fs.Remove(beside)
		return false, fmt.Errorf("putting %s in place: %w", path, err)
	}
	if err := fs.SyncDir(filepath.Dir(path)); err != nil {
		return true, fmt.Errorf("making %s durable: %w", path, err)
	}
	return true, nil
}

func writeSynced(fs FS, path string, data []byte) error {
	f, err := fs.Create(path)
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
