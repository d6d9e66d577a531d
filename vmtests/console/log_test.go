package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func texts(lines []Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func TestWriteSplitsAndCleans(t *testing.T) {
	var raw bytes.Buffer
	l := New(&raw)
	in := "\x1b[2J\x1b[01;01HBdsDxe: loading\r\n[\x1b[0;32m  OK  \x1b[0m] Reached\r\n\x1b]0;title\x07bad \xff byte\nhalf"
	for _, b := range []byte(in) { // the worst way to be cut
		io.WriteString(l, string([]byte{b}))
	}
	want := []string{"BdsDxe: loading", "[  OK  ] Reached", "bad ? byte"}
	if d := cmp.Diff(want, texts(l.Lines(0))); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if raw.String() != in {
		t.Errorf("copied %q, want every byte of %q", raw.String(), in)
	}
	if got := l.Tail(1); got != "last 1 of 3 console lines:\n  bad ? byte\n  half (no end of line)\n" {
		t.Errorf("Tail: %q", got)
	}
}

func TestWriteBoundsLines(t *testing.T) {
	l := New(nil)
	io.WriteString(l, strings.Repeat("x", 2*maxLine+5)+"\n")
	lines := l.Lines(0)
	if len(lines) != 3 || len(lines[0].Text) != maxLine || len(lines[2].Text) != 5 {
		t.Errorf("%d lines", len(lines))
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteSurvivesCopy(t *testing.T) {
	l := New(fullDisk{})
	io.WriteString(l, "one\ntwo\n")
	if d := cmp.Diff([]string{"(console is no longer copied: disk full)", "one", "two"}, texts(l.Lines(0))); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestAwait(t *testing.T) {
	l := New(nil)
	io.WriteString(l, "ready 1\n")
	ready := regexp.MustCompile(`^ready`)
	line, after, err := l.Await(t.Context(), 0, ready)
	if err != nil || line.Text != "ready 1" {
		t.Fatalf("what is there already: %v, %v", line, err)
	}
	go func() {
		io.WriteString(l, "other\nrea")
		io.WriteString(l, "dy 2\n")
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	line, after, err = l.Await(ctx, after, ready)
	if err != nil || line.Text != "ready 2" || after != 3 {
		t.Errorf("what comes later: %v, mark %d, %v", line, after, err)
	}
}

func TestAwaitSaysWhatItSaw(t *testing.T) {
	l := New(nil)
	io.WriteString(l, "kernel up\nmounting")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("QEMU has exited"))
	_, _, err := l.Await(ctx, 0, regexp.MustCompile("ready"))
	want := "waiting for \"ready\" on the console: QEMU has exited\nlast 1 of 1 console lines:\n  kernel up\n  mounting (no end of line)\n"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestFind(t *testing.T) {
	l := New(nil)
	io.WriteString(l, `slipway: ready variant=base version=0.1.0 slot=A boot=1
[    1.2] device-mapper: verity: 254:0: data block 0 is corrupted
[    1.3] Kernel panic - not syncing: dm-verity device corrupted
[FAILED] Failed to start x.service - X.
[    2.0] audit: type=1400 audit(1): avc:  denied  { read }
[    2.1] Out of memory: Killed process 1
[    2.2] EXT4-fs error (device vda6): ext4_lookup
[    2.3] BUG: kernel NULL pointer dereference
slipway: boot is not good: units: failed: x.service
`)
	var got []string
	for _, f := range l.Find(0, Troubles) {
		got = append(got, f.Trouble.Name)
	}
	want := []string{"verity error", "kernel panic", "failed unit", "access denied by SELinux", "out of memory", "file system error", "kernel oops", "boot is not good"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("found (-want +got):\n%s", d)
	}
	if got := l.Find(2, Except(Panic, Unit)); len(got) == 0 || got[0].Trouble.Name != Denial.Name {
		t.Errorf("with exceptions and from the third line: %v", got)
	}
}

func TestAwaitTrouble(t *testing.T) {
	l := New(nil)
	io.WriteString(l, "Kernel panic - not syncing: expected\n")
	go io.WriteString(l, "well\nKernel panic - not syncing: attempted to kill init\n")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	f, err := l.AwaitTrouble(ctx, 1, Troubles)
	if want := "kernel panic: Kernel panic - not syncing: attempted to kill init"; err != nil || f.String() != want {
		t.Errorf("%v, %v; want %s", f, err, want)
	}
	cancel()
	if _, err := l.AwaitTrouble(ctx, l.Mark(), Troubles); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}
