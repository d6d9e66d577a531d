package apiclient

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// AtTerminal runs a command as if somebody sat there, and returns what it
// prints.
func AtTerminal(ctx context.Context, in io.Reader, args ...string) (string, error) {
	var out bytes.Buffer
	t := &tool{in: in, out: &out, err: io.Discard, interactive: true}
	err := t.run(ctx, args)
	return out.String(), err
}

// FuzzSettingsIn: what is taken of a source is one JSON value.
func FuzzSettingsIn(f *testing.F) {
	for _, seed := range []string{"[settings]\nmotd = 'x'\n", `{"settings": {"motd": 1}}`, "", "{", "settings = 1979-05-27T07:32:00Z", "settings = nan"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := settingsIn(data)
		if err == nil && len(bytes.TrimSpace(doc)) == 0 {
			t.Errorf("%q gives nothing and no error", data)
		}
	})
}

// FuzzJournalLine: a line stays one line, and moves no cursor.
func FuzzJournalLine(f *testing.F) {
	f.Add([]byte(`{"MESSAGE":"a\u001b[2Jb\nc","_COMM":"x\ry","_PID":"1"}`))
	f.Add([]byte(`{"MESSAGE":[27,91,65,255]}`))
	f.Add([]byte("no JSON\x1b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if line := journalLine(text); strings.ContainsAny(line, "\n\r\x1b\x00") {
			t.Errorf("%q gives %q", text, line)
		}
	})
}
