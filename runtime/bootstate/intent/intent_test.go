package intent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

const dir = "/var/lib/slipway/bootstate"

var now = time.Date(2026, 11, 28, 1, 2, 3, 0, time.UTC)

func version(n int) Version {
	return Version{Version: fmt.Sprintf("%d.0.0", n), RootHash: fmt.Sprintf("%064x", n), Slot: string("AB"[n%2])}
}

func some(n int) Record {
	r := Record{
		Intent: &Intent{
			To: version(n), From: version(n + 1), Source: "https://x", Entry: "slipway.efi", Phase: Active, Began: now,
			Tries: 3, OneShot: true, Asked: 1, Boots: []string{"a", "b"}, LastError: "api", LastErrorBoot: "b",
		},
		Preferred: version(n + 1), Returns: 1,
	}
	r.Fail(version(7), "x", false, now)
	return r
}

func write(t *testing.T, f File, r Record) {
	t.Helper()
	if err := f.Write(r); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, f File) (Record, string) {
	t.Helper()
	r, note, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	return r, note
}

func TestReadBack(t *testing.T) {
	fs := storetest.New()
	f := File{fs, dir}
	if r, note := read(t, f); !cmp.Equal(r, Record{}) || note != "" {
		t.Errorf("of a new host: %+v, %q", r, note)
	}
	for n := 1; n < 6; n++ {
		write(t, f, some(n))
		r, note := read(t, f)
		if d := cmp.Diff(some(n), r); d != "" || note != "" {
			t.Errorf("%d (-want +got):\n%s%s", n, d, note)
		}
	}
}

// One damaged copy is made up for by the other, two are an empty record; both
// are told, and healed by writing.
func TestDamagedCopies(t *testing.T) {
	fs := storetest.New()
	f := File{fs, dir}
	write(t, f, some(1)) // intent.0
	write(t, f, some(2)) // intent.1
	good := fs.Files()
	fs.Put(dir+"/intent.1", strings.Replace(good[dir+"/intent.1"], "https", "httpx", 1))
	r, note := read(t, f)
	if d := cmp.Diff(some(1), r); d != "" || !strings.Contains(note, "intent.1: its checksum is") {
		t.Errorf("(-want +got):\n%s%s", d, note)
	}
	write(t, f, some(3))
	if r, note := read(t, f); note != "" || !cmp.Equal(r, some(3)) {
		t.Errorf("after the next write: %+v, %q", r, note)
	}
	fs.Put(dir+"/intent.0", "")
	fs.Put(dir+"/intent.1", strings.Repeat("x", maxFileSize+1))
	r, note = read(t, f)
	if !cmp.Equal(r, Record{}) || !strings.HasPrefix(note, ErrDamaged.Error()) {
		t.Errorf("%+v, %q", r, note)
	}
	write(t, f, some(4))
	write(t, f, some(5))
	if r, note := read(t, f); note != "" || !cmp.Equal(r, some(5)) {
		t.Errorf("after two writes: %+v, %q", r, note)
	}
}

// What cannot be read is not overwritten: it may be the record that holds.
func TestUnreadable(t *testing.T) {
	fs := storetest.New()
	f := File{fs, dir}
	write(t, f, some(1))
	broken := errors.New("I/O error")
	fs.FailRead(dir+"/intent.0", broken)
	if _, _, err := f.Read(); !errors.Is(err, broken) {
		t.Errorf("Read: %v", err)
	}
	before := fs.Files()
	if err := f.Write(some(2)); !errors.Is(err, broken) {
		t.Errorf("Write: %v", err)
	}
	if d := cmp.Diff(before, fs.Files()); d != "" {
		t.Errorf("it was overwritten:\n%s", d)
	}
}

func TestLock(t *testing.T) {
	f := File{storetest.New(), dir}
	lock, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock(); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// losses cuts the power at each operation of a few writes.
func losses(t *testing.T, noSync bool) (lost []string) {
	for begun := range 4 {
		for at := 1; ; at++ {
			done := false
			for _, s := range storetest.Survivals() {
				fs := storetest.New()
				fs.NoSync = noSync
				f := File{fs, dir}
				for n := 1; n <= begun; n++ {
					write(t, f, some(n))
				}
				allowed := []Record{some(begun + 1), some(begun)}
				if begun == 0 {
					allowed[1] = Record{}
				}
				fs.CutAt(at)
				if err := f.Write(some(begun + 1)); err == nil {
					done, allowed = true, allowed[:1]
				}
				fs.Restart(s)
				r, _, err := f.Read()
				if err != nil || !slices.ContainsFunc(allowed, func(a Record) bool { return cmp.Equal(a, r) }) {
					lost = append(lost, fmt.Sprintf("write %d cut at %d, survived %+v: %+v, %v", begun+1, at, s, r, err))
				}
				write(t, f, some(9))
				if r, _ := read(t, f); !cmp.Equal(r, some(9)) {
					lost = append(lost, fmt.Sprintf("write %d cut at %d, survived %+v: the next write is %+v", begun+1, at, s, r))
				}
			}
			if done {
				break
			}
		}
	}
	return lost
}

func TestPowerCut(t *testing.T) {
	for _, l := range losses(t, false) {
		t.Error(l)
	}
	if len(losses(t, true)) == 0 {
		t.Error("nothing is lost without fsync: the test tests nothing")
	}
}

func TestFailures(t *testing.T) {
	var r Record
	for n := range MaxFailed + 3 {
		r.Fail(version(n), "x", false, now)
	}
	if len(r.Failed) != MaxFailed || r.Refused(version(2).RootHash) != nil || r.Refused(version(3).RootHash) == nil {
		t.Errorf("%d failures, the oldest %+v", len(r.Failed), r.Failed[0])
	}
	r = Record{}
	for n := 1; n <= maxLost; n++ { // a lost entry is nobody's fault, but not for ever
		r.Fail(version(1), "lost", true, now)
		if refused := r.Refused(version(1).RootHash) != nil; refused != (n == maxLost) {
			t.Errorf("lost %d times: refused %v", n, refused)
		}
	}
	r.Fail(version(2), strings.Repeat("ü", maxText), false, now)
	if f := r.Refused(version(2).RootHash); len(f.Reason) > maxText+4 {
		t.Errorf("reason of %d bytes", len(f.Reason))
	}
	if n := r.Forget("1.0.0"); n != 1 || len(r.Failed) != 1 {
		t.Errorf("forgot %d, left %d", n, len(r.Failed))
	}
	if n := r.Forget(""); n != 1 || len(r.Failed) != 0 {
		t.Errorf("forgot %d, left %d", n, len(r.Failed))
	}
}

func TestLargestRecordCanBeRead(t *testing.T) {
	long := strings.Repeat("\x01", maxText)
	r := some(1)
	r.Intent.Source, r.Intent.LastError, r.Intent.Reason = long, long, long
	for n := range MaxFailed {
		r.Fail(version(n), strings.Repeat("\"", maxText), false, now)
	}
	f := File{storetest.New(), dir}
	write(t, f, r)
	if got, note := read(t, f); note != "" || !cmp.Equal(got, r) {
		t.Errorf("it is read as %+v, %s", got, note)
	}
}

func TestBadRecordsAreNotWritten(t *testing.T) {
	for name, spoil := range map[string]func(*Record){
		"slot":      func(r *Record) { r.Intent.To.Slot = "C" },
		"same slot": func(r *Record) { r.Intent.To.Slot = r.Intent.From.Slot },
		"hash":      func(r *Record) { r.Intent.From.RootHash = "xyz" },
		"version":   func(r *Record) { r.Preferred.Version = "" },
		"phase":     func(r *Record) { r.Intent.Phase = "odd" },
		"tries":     func(r *Record) { r.Intent.Tries = 10 },
		"returns":   func(r *Record) { r.Returns = -1 },
		"boots":     func(r *Record) { r.Intent.Boots = make([]string, maxBoots+1) },
		"failed":    func(r *Record) { r.Failed = make([]Failure, 1) },
	} {
		fs := storetest.New()
		r := some(1)
		spoil(&r)
		if err := (File{fs, dir}).Write(r); err == nil || len(fs.Files()) != 0 {
			t.Errorf("%s: %v, files %v", name, err, fs.Files())
		}
	}
}

// A record of a newer system has more in it, and is read all the same.
func TestNewerRecord(t *testing.T) {
	body := `{"intent":null,"failed":[],"preferred":{"version":"","root_hash":"","slot":"","new":1},"returns":0,"more":{}}`
	text := fmt.Sprintf("{\"format\":1,\"seq\":5,\"sha256\":%q,\"x\":1}\n%s\n", sum(5, []byte(body)), body)
	r, seq, err := decode([]byte(text))
	if d := cmp.Diff(Record{}, r, cmpopts.EquateEmpty()); d != "" || seq != 5 || err != nil {
		t.Errorf("%d, %v (-want +got):\n%s", seq, err, d)
	}
}

func FuzzDecode(f *testing.F) {
	whole, err := encode(some(1), 3)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, false)
	f.Add([]byte(`{"intent":{"phase":"active"}}`), true)
	f.Fuzz(func(t *testing.T, data []byte, body bool) {
		if body { // behind a checksum that holds
			data = joinLines(fmt.Appendf(nil, `{"format":1,"seq":2,"sha256":%q}`, sum(2, data)), data)
		}
		r, seq, err := decode(data)
		if err != nil {
			return
		}
		again, err := encode(r, seq)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := decode(again)
		if d := cmp.Diff(r, got, cmpopts.EquateEmpty()); d != "" || err != nil {
			t.Errorf("written again it is read as (-want +got):\n%s%v", d, err)
		}
	})
}
