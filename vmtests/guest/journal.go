package guest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
)

// An Entry is what tests look at in an entry of the journal.
type Entry struct {
	Message    string
	Unit       string // that it is about, or that said it
	Identifier string
	BootID     string // 32 hex digits
	Transport  string // "kernel", "journal", "stdout", …
}

// ParseJournal reads what Journal returned. Entries are in their order.
func ParseJournal(data []byte) ([]Entry, error) {
	var entries []Entry
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &fields); err != nil {
			return nil, fmt.Errorf("journal, line %d: %w", n, err)
		}
		e := Entry{
			Message: text(fields["MESSAGE"]), Identifier: text(fields["SYSLOG_IDENTIFIER"]),
			BootID: text(fields["_BOOT_ID"]), Transport: text(fields["_TRANSPORT"]), Unit: text(fields["UNIT"]),
		}
		if e.Unit == "" {
			e.Unit = text(fields["_SYSTEMD_UNIT"])
		}
		entries = append(entries, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return entries, nil
}

// text decodes a field: a string, or the numbers of its bytes if it is not
// UTF-8, or an array of several values, of which the first counts.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var numbers []uint16
	if json.Unmarshal(raw, &numbers) == nil {
		b := make([]byte, len(numbers))
		for i, n := range numbers {
			b[i] = byte(n)
		}
		return string(b)
	}
	var several []json.RawMessage
	if json.Unmarshal(raw, &several) == nil && len(several) > 0 {
		return text(several[0])
	}
	return ""
}
