package intent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/slipway-os/slipway/runtime/store"
)

// format is the number of the file's format; a reader refuses any other.
//
// A file is two lines of JSON, the header and the record:
//
//	{"format":1,"seq":7,"sha256":"…"}
//	{"intent":{…},"failed":[…],…}
//
// sha256 is over "7\n" (the sequence) and the second line without its line
// feed.
const format = 1

type header struct {
	Format int    `json:"format"`
	Seq    uint64 `json:"seq"`
	SHA256 string `json:"sha256"`
}

// A File is where the record is: two copies in a folder in STATE, of which the
// one with the higher sequence holds. Each write replaces the other one.
type File struct {
	FS  store.FS
	Dir string
}

// Dir is where the record is on a host.
const Dir = "/var/lib/slipway/bootstate"

// copies are the names of the two copies.
var copies = [2]string{"intent.0", "intent.1"}

// ErrDamaged says that no copy of the record can be read.
var ErrDamaged = errors.New("the record of what is to be booted is damaged")

// A loaded record, and where it came from.
type loaded struct {
	record Record
	seq    uint64
	from   int // -1: from no copy
	notes  []string
	broken int // copies that are there and cannot be used
}

// Lock keeps other processes out until it is closed; while one is in, it is
// store.ErrLocked. It makes the folder.
func (f File) Lock() (io.Closer, error) {
	if err := f.makeDir(f.Dir); err != nil {
		return nil, err
	}
	return f.FS.Lock(filepath.Join(f.Dir, "lock"))
}

// Read returns the record, the empty one on a new host, and a note of what was
// wrong with a copy, "" if nothing. With both copies damaged it is the empty
// record, and the note says so: what is on trial then cannot be committed and
// falls back.
func (f File) Read() (Record, string, error) {
	l, err := f.load()
	if err != nil {
		return Record{}, "", err
	}
	note := strings.Join(l.notes, "; ")
	if l.broken > 0 && l.from < 0 {
		note = fmt.Sprintf("%v, so that nothing is known of trials and failed versions: %s", ErrDamaged, note)
	}
	return l.record, note, nil
}

// Write makes a record the one that holds; it is durable when Write returns.
func (f File) Write(r Record) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("writing the record of what is to be booted: %w", err)
	}
	old, err := f.load()
	if err != nil {
		return err
	}
	if err := f.makeDir(f.Dir); err != nil {
		return err
	}
	data, err := encode(r, old.seq+1)
	if err != nil {
		return fmt.Errorf("encoding the record of what is to be booted: %w", err)
	}
	path := filepath.Join(f.Dir, copies[(old.from+1)%2])
	if err := f.put(path, data); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func (f File) put(path string, data []byte) error {
	out, err := f.FS.Create(path)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return f.FS.SyncDir(filepath.Dir(path))
}

// makeDir makes a folder and those above it, and their names durable.
func (f File) makeDir(dir string) error {
	if dir == "/" || dir == "/var" || dir == "." {
		return nil
	}
	if err := f.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	err := f.FS.Mkdir(dir)
	if err == nil {
		err = f.FS.SyncDir(filepath.Dir(dir))
	}
	if err != nil {
		return fmt.Errorf("making the folder of the record of what is to be booted: %w", err)
	}
	return nil
}

// load reads both copies. A copy that cannot be read at all, because the disk
// fails, is an error: what is not known must not be overwritten.
func (f File) load() (loaded, error) {
	l := loaded{from: -1}
	for i, name := range copies {
		data, err := f.FS.ReadFile(filepath.Join(f.Dir, name), maxFileSize)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil && !errors.Is(err, store.ErrTooLarge) {
			return l, fmt.Errorf("reading the record of what is to be booted: %w", err)
		}
		var r Record
		var seq uint64
		if err == nil {
			r, seq, err = decode(data)
		}
		if err != nil {
			l.broken++
			l.notes = append(l.notes, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		if l.from < 0 || seq > l.seq {
			l.record, l.seq, l.from = r, seq, i
		}
	}
	return l, nil
}

func encode(r Record, seq uint64) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(header{Format: format, Seq: seq, SHA256: sum(seq, body)})
	if err != nil {
		return nil, err
	}
	return joinLines(head, body), nil
}

func joinLines(head, body []byte) []byte {
	return append(append(append(head, '\n'), body...), '\n')
}

func sum(seq uint64, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", seq)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// decode reads a copy and believes nothing of it before the checksum holds.
func decode(data []byte) (Record, uint64, error) {
	head, rest, ok := bytes.Cut(data, []byte("\n"))
	body, end, ok2 := bytes.Cut(rest, []byte("\n"))
	if !ok || !ok2 || len(end) > 0 {
		return Record{}, 0, errors.New("it is not two lines")
	}
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		return Record{}, 0, fmt.Errorf("its header: %w", err)
	}
	if h.Format != format {
		return Record{}, 0, fmt.Errorf("its format is %d, want %d", h.Format, format)
	}
	if want := sum(h.Seq, body); h.SHA256 != want {
		return Record{}, 0, fmt.Errorf("its checksum is %q, want %q", h.SHA256, want)
	}
	// A newer version may have written fields that this one has never heard
	// of; after a fallback it has to read the record all the same.
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, 0, err
	}
	return r, h.Seq, r.check()
}
