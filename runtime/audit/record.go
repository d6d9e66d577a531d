package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/slipway-os/slipway/runtime/store"
)

// Changes is what a commit changed, for a Record. Append redacts it.
func Changes(deltas []store.Delta) []Change {
	changes := make([]Change, len(deltas))
	for i, d := range deltas {
		changes[i] = Change{Key: d.Key, Before: d.Before, After: d.After}
	}
	return changes
}

// encode is the line of a record: redacted, bounded, at most a file long.
func (l *Log) encode(r Record) ([]byte, error) {
	r.Who.Exe, r.Who.Door = short(r.Who.Exe), short(r.Who.Door)
	r.Action, r.Transaction, r.Error = short(r.Action), short(r.Transaction), short(r.Error)
	all := r.Changes
	kept := min(len(all), MaxChanges)
	r.Omitted += len(all) - kept
	r.Changes = make([]Change, kept)
	for i, c := range all[:kept] {
		secret := l.o.Sensitive(c.Key)
		r.Changes[i] = Change{short(c.Key), show(c.Before, secret), show(c.After, secret)}
	}
	text, err := encode(r)
	if err == nil && int64(len(text)) > l.o.Limit {
		r.Omitted += kept
		r.Changes = nil
		text, err = encode(r)
	}
	return text, err
}

func encode(r Record) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encoding the record: %w", err)
	}
	return b.Bytes(), nil
}

// short cuts a text off; a rune that this halves is dropped.
func short(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), MaxText)], "")
}

// show is a value as it goes into the log.
func show(value json.RawMessage, secret bool) json.RawMessage {
	var text string
	switch {
	case value == nil:
		return nil
	case secret:
		text = Redacted
	case len(value) > MaxValue:
		text = fmt.Sprintf("(%d bytes)", len(value))
	case !json.Valid(value):
		text = "(not JSON)"
	default:
		return value
	}
	return json.RawMessage(`"` + text + `"`)
}

func decode(text []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if r.Seq == 0 || r.Seq >= 1<<62 {
		return r, errors.New("its number cannot be")
	}
	return r, nil
}

// A Page is a part of the log.
type Page struct {
	Records []Record `json:"records"`
	Next    uint64   `json:"next"` // where the next page begins
	// Damaged is how many lines of the files read could not be understood.
	Damaged int `json:"damaged,omitempty"`
}

// Read is up to limit records from number from on, oldest first. What was
// rotated away is passed over.
func (l *Log) Read(from uint64, limit int) (Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	page := Page{Records: []Record{}, Next: max(from, 1)}
	files, err := l.files()
	if err != nil {
		return Page{}, fmt.Errorf("reading the audit log: %w", err)
	}
	for i, f := range files {
		if i+1 < len(files) && files[i+1].first <= page.Next || len(page.Records) >= limit {
			continue
		}
		raw, err := l.o.FS.ReadFile(f.path, l.readLimit())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Page{}, fmt.Errorf("reading the audit log: %w", err)
		}
		if f.path == l.path {
			raw = raw[:min(int64(len(raw)), l.size)]
		}
		page.add(raw, limit)
	}
	return page, nil
}

// add reads one file.
func (p *Page) add(raw []byte, limit int) {
	for len(raw) > 0 && len(p.Records) < limit {
		var text []byte
		text, raw, _ = bytes.Cut(raw, []byte("\n"))
		r, err := decode(text)
		switch {
		case err != nil:
			p.Damaged++
		case r.Seq >= p.Next:
			p.Records = append(p.Records, r)
			p.Next = r.Seq + 1
		}
	}
}

// Last is the number of the newest record, 0 if there is none.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}
