package exec

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessages(t *testing.T) {
	for want, m := range map[string]message{
		`"ContentComplete"`:               {ContentComplete: true},
		`{"Winch":{"rows":24,"cols":80}}`: {Winch: &Size{24, 80}},
		`{"Signal":"TERM"}`:               {Signal: "TERM"},
		`{"Capacity":{"max_messages_outstanding":64,"messages_written":3}}`: {Capacity: &capacity{64, 3}},
		`{"Initialize":{"command":[{"Unix":[108,115,255]}],"target":"admin","tty":{"size":{"rows":1,"cols":2}},"term":"vt100"}}`: {
			Initialize: &initialize{Command: []argument{"ls\xff"}, Target: "admin", TTY: &ttyInit{&Size{1, 2}}, Term: "vt100"},
		},
	} {
		b, err := json.Marshal(m)
		if err != nil || string(b) != want {
			t.Errorf("Marshal(%+v) = %s, %v, want %s", m, b, err, want)
		}
		var back message
		if err := json.Unmarshal([]byte(want), &back); err != nil {
			t.Errorf("Unmarshal(%s): %v", want, err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("Unmarshal(%s) (-want +got):\n%s", want, diff)
		}
	}
}

func TestPlainWords(t *testing.T) {
	var m message
	if err := json.Unmarshal([]byte(`{"Initialize":{"command":["ls","-l"],"target":"a"}}`), &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]argument{"ls", "-l"}, m.Initialize.Command); diff != "" {
		t.Error(diff)
	}
}

func TestBadMessages(t *testing.T) {
	for _, text := range []string{
		``, `null`, `{}`, `[]`, `"Other"`, `{"Other":1}`, `{"Signal":""}`, `{"Signal":"SIGTERM"}`, `{"Winch":{"rows":-1,"cols":1}}`,
		`{"Winch":{"rows":70000,"cols":1}}`, `{"Initialize":{"command":[{"Unix":[256]}],"target":"a"}}`,
		`{"Initialize":{"command":[],"target":"a"}}`, `{"Initialize":{"command":[""],"target":"a"}}`,
	} {
		if m, err := decode([]byte(text)); err == nil {
			t.Errorf("decode(%s) = %+v, want an error", text, m)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range []string{
		`"ContentComplete"`, `{"Winch":{"rows":24,"cols":80}}`, `{"Signal":"TERM"}`,
		`{"Capacity":{"max_messages_outstanding":64,"messages_written":3}}`,
		`{"Initialize":{"command":[{"Unix":[108,115]},"-l"],"target":"admin","tty":{"size":null}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", b, err)
		}
		back, err := decode(again)
		if err != nil {
			t.Fatalf("%q became %q: %v", b, again, err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("%q became %q:\n%s", b, again, diff)
		}
	})
}
