package apiclient

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxEntry bounds one line of the journal, in bytes.
const maxEntry = 4 << 20

// printJournal prints lines for people: time, name, process, message.
func printJournal(w io.Writer, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEntry)
	for lines.Scan() {
		if _, err := fmt.Fprintln(w, journalLine(lines.Bytes())); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	return nil
}

// journalLine makes one line of an entry as journalctl -o json prints it. What
// is no entry is printed as it is.
func journalLine(text []byte) string {
	var e map[string]any
	if err := json.Unmarshal(text, &e); err != nil {
		return printable(string(text))
	}
	when := "-"
	if micros, err := strconv.ParseInt(field(e, "__REALTIME_TIMESTAMP"), 10, 64); err == nil {
		when = time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	who := field(e, "SYSLOG_IDENTIFIER")
	if who == "" {
		who = field(e, "_COMM")
	}
	if pid := field(e, "_PID"); pid != "" {
		who += "[" + pid + "]"
	}
	return when + " " + printable(who) + ": " + printable(field(e, "MESSAGE"))
}

// field is a field's text; journald makes a list of bytes of what is no text.
func field(e map[string]any, name string) string {
	switch v := e[name].(type) {
	case string:
		return v
	case []any:
		var b []byte
		for _, n := range v {
			if f, ok := n.(float64); ok {
				b = append(b, byte(f))
			}
		}
		return string(b)
	}
	return ""
}

// printable keeps what a program logged from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
