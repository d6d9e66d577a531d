// Package audit keeps a log of who changed what on this host: JSON lines that
// are only ever added to, each durable before Append returns, in a bounded
// number of files of bounded size.
//
//	DIR/audit-00000000000000000001.jsonl   begins with record 1
//
// A power cut may tear the last line, which the next Open cuts off.
package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/store"
)

// Bounds of a log.
const (
	DefaultLimit = 1 << 20 // bytes of a file
	DefaultKeep  = 4       // files
	MinLimit     = 64 << 10
	MaxChanges   = 256  // of a record; how many more there were is in Omitted
	MaxValue     = 1024 // bytes of a value; of a larger one only the size is kept
	MaxText      = 1024 // bytes of any other text, cut off beyond
)

// Unknown is a UID, GID or PID that is not known: no process of this host
// asked.
const Unknown = -1

// Who asked for something.
type Who struct {
	UID  int    `json:"uid"` // by the kernel's word, or Unknown
	GID  int    `json:"gid"`
	PID  int    `json:"pid"`
	Exe  string `json:"exe,omitempty"`  // the program of PID
	Door string `json:"door,omitempty"` // how it came in: "unix", "virtio-serial", "boot"
}

// A Change is a setting that changed. A sensitive value is the text Redacted.
type Change struct {
	Key    string          `json:"key"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Redacted stands in for a sensitive value.
const Redacted = "(redacted)"

// A Record is one thing that was asked for. Append sets Seq and Time.
type Record struct {
	Seq         uint64    `json:"seq"`  // grows by one with each record
	Time        time.Time `json:"time"` // UTC, by the host's clock
	Who         Who       `json:"who"`
	Action      string    `json:"action"` // "commit", "reboot", …
	Transaction string    `json:"transaction,omitempty"`
	Commit      uint64    `json:"commit,omitempty"` // store.Commit's Seq
	Changes     []Change  `json:"changes,omitempty"`
	Omitted     int       `json:"omitted,omitempty"` // changes beyond MaxChanges
	Error       string    `json:"error,omitempty"`   // why it was not done; "" if it was
}

// Options say where and how much.
type Options struct {
	FS        store.FS              // nil: the host's
	Dir       string                // its parent must exist
	Sensitive func(key string) bool // whether a setting's values are secret
	Now       func() time.Time      // nil: time.Now
	Limit     int64                 // bytes of a file, MinLimit or more; 0: DefaultLimit
	Keep      int                   // files; 0: DefaultKeep
}

// A Log may be used by many goroutines, but of one process.
type Log struct {
	o Options

	mu   sync.Mutex
	next uint64 // number of the next record
	path string // of the file that is written, "" if none is
	size int64  // of what is good in it
	file store.File
	// unsure: the file may hold more than size, of a write that failed.
	unsure bool
	closed bool
}

// ErrClosed is the error of a log that was closed.
var ErrClosed = errors.New("the audit log is closed")

// Open makes the log ready to be added to. A torn last line is cut off.
func Open(o Options) (*Log, error) {
	if o.FS == nil {
		o.FS = store.OS
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.Sensitive == nil || o.Limit < MinLimit || o.Keep < 1 {
		return nil, errors.New("opening the audit log: what is sensitive is not said, or its bounds are too low")
	}
	l := &Log{o: o, next: 1}
	if err := l.load(); err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	return l, nil
}

// load finds the end of the log.
func (l *Log) load() error {
	if err := l.o.FS.Mkdir(l.o.Dir); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(l.o.Dir), l.o.Dir} {
		if err := l.o.FS.SyncDir(dir); err != nil {
			return err
		}
	}
	files, err := l.files()
	if err != nil || len(files) == 0 {
		return err
	}
	newest := files[len(files)-1]
	l.next, l.path = newest.first, newest.path
	raw, err := l.o.FS.ReadFile(l.path, l.readLimit())
	if err != nil {
		// It stays as it is, and a new one is begun, with a number that is
		// beyond all in it: a record has more than one byte.
		l.next, l.path = newest.first+uint64(l.readLimit()), ""
		return nil
	}
	for rest, end := raw, int64(0); len(rest) > 0; {
		var text []byte
		var whole bool
		text, rest, whole = bytes.Cut(rest, []byte("\n"))
		end += int64(len(text)) + 1
		if r, err := decode(text); whole && err == nil && r.Seq >= l.next {
			l.next, l.size = r.Seq+1, end
		}
	}
	l.unsure = true // whether what was read is durable, too
	return l.repair()
}

// readLimit allows for a line that was torn at the limit.
func (l *Log) readLimit() int64 { return 2 * l.o.Limit }

// repair cuts off what is not good and makes the rest durable.
func (l *Log) repair() error {
	if !l.unsure {
		return nil
	}
	if l.file != nil {
		l.file.Close() // it has nothing to say that matters: it is cut off below
	}
	f, err := l.o.FS.Append(l.path, l.size)
	if err != nil {
		l.file = nil
		return err
	}
	l.file = f
	if err := f.Sync(); err != nil {
		return err
	}
	l.unsure = false
	return nil
}

// Append adds a record and is its number. After an error the log is as it was.
func (l *Log) Append(r Record) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, fmt.Errorf("adding to the audit log: %w", ErrClosed)
	}
	r.Seq, r.Time = l.next, l.o.Now().UTC().Truncate(time.Millisecond)
	text, err := l.encode(r)
	if err == nil {
		err = l.repair()
	}
	if err == nil && (l.file == nil || l.size+int64(len(text)) > l.o.Limit) {
		err = l.rotate()
	}
	if err == nil {
		err = l.write(text)
	}
	if err != nil {
		return 0, fmt.Errorf("adding to the audit log: %w", err)
	}
	l.next++
	l.size += int64(len(text))
	return r.Seq, nil
}

func (l *Log) write(text []byte) error {
	l.unsure = true
	_, err := l.file.Write(text)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		_ = l.repair() // where this fails, the next Append tries again and reports it
		return err
	}
	l.unsure = false
	return nil
}

// rotate begins a new file and removes the oldest beyond Keep. Where it fails,
// nothing goes into the old file any more: the new one may be there already.
func (l *Log) rotate() error {
	if l.file != nil {
		l.file.Close() // all in it is synced
	}
	l.file, l.path = nil, ""
	path := filepath.Join(l.o.Dir, fmt.Sprintf("%s%020d%s", prefix, l.next, suffix))
	f, err := l.o.FS.Append(path, 0)
	if err != nil {
		return err
	}
	if err := l.o.FS.SyncDir(l.o.Dir); err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.path, l.size = f, path, 0
	files, err := l.files()
	for ; err == nil && len(files) > l.o.Keep; files = files[1:] {
		err = l.o.FS.Remove(files[0].path)
	}
	return err
}

// Close gives the log up. Closing it again does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return fmt.Errorf("closing the audit log: %w", err)
	}
	return nil
}

const (
	prefix = "audit-"
	suffix = ".jsonl"
)

// A part is one file of the log.
type part struct {
	first uint64 // number of its first record
	path  string
}

// files is the files of the log, oldest first.
func (l *Log) files() ([]part, error) {
	names, err := l.o.FS.ReadDir(l.o.Dir)
	if err != nil {
		return nil, err
	}
	var files []part
	for _, name := range names {
		digits, isAudit := strings.CutPrefix(name, prefix)
		digits, isFile := strings.CutSuffix(digits, suffix)
		first, err := strconv.ParseUint(digits, 10, 64)
		if isAudit && isFile && err == nil && first > 0 && first < 1<<62 && len(digits) == 20 {
			files = append(files, part{first, filepath.Join(l.o.Dir, name)})
		}
	}
	slices.SortFunc(files, func(a, b part) int { return strings.Compare(a.path, b.path) })
	return files, nil
}
