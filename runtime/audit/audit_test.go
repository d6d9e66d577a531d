package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

const dir = "/var/audit"

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func options(fs store.FS) audit.Options {
	return audit.Options{
		FS: fs, Dir: dir, Limit: audit.MinLimit, Keep: 3,
		Sensitive: func(key string) bool { return strings.Contains(key, "secret") },
		Now:       func() time.Time { return noon },
	}
}

func open(t *testing.T, fs store.FS) *audit.Log {
	t.Helper()
	l, err := audit.Open(options(fs))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func add(t *testing.T, l *audit.Log, actions ...string) {
	t.Helper()
	for _, action := range actions {
		if _, err := l.Append(audit.Record{Action: action}); err != nil {
			t.Fatal(err)
		}
	}
}

// actions is "NUMBER ACTION" of all records.
func actions(t *testing.T, l *audit.Log) []string {
	t.Helper()
	page, err := l.Read(0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range page.Records {
		got = append(got, fmt.Sprintf("%d %.20s", r.Seq, r.Action))
	}
	return got
}

func TestAppend(t *testing.T) {
	fs := storetest.New()
	l := open(t, fs)
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	r := audit.Record{
		Who:    audit.Who{UID: 0, GID: 12, PID: 345, Exe: "/usr/bin/slipway", Door: "unix"},
		Action: "commit", Transaction: "default", Commit: 7,
		Changes: audit.Changes([]store.Delta{
			{Key: "motd", Before: raw(`"a"`), After: raw(`"<b>"`)},
			{Key: "secret.key", Before: raw(`"swordfish"`)},
			{Key: "secret.new", After: raw(`"swordfish"`)},
			{Key: "large", After: raw(`"` + strings.Repeat("x", 5000) + `"`)},
		}),
	}
	if seq, err := l.Append(r); seq != 1 || err != nil {
		t.Fatal(seq, err)
	}
	refused := audit.Record{Who: audit.Who{UID: audit.Unknown, GID: audit.Unknown, PID: audit.Unknown, Door: "virtio-serial"}, Action: "reboot", Error: "not now"}
	if seq, err := l.Append(refused); seq != 2 || err != nil || l.Last() != 2 {
		t.Fatal(seq, err, l.Last())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(fs.Files()), "swordfish") {
		t.Error("a secret is in the log")
	}
	r.Seq, r.Time, refused.Seq, refused.Time = 1, noon, 2, noon
	r.Changes[1].Before, r.Changes[2].After, r.Changes[3].After = raw(`"(redacted)"`), raw(`"(redacted)"`), raw(`"(5002 bytes)"`)
	page, err := open(t, fs).Read(1, 10)
	if d := cmp.Diff(audit.Page{Records: []audit.Record{r, refused}, Next: 3}, page); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if _, err := l.Append(r); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("error %v, want %v", err, audit.ErrClosed)
	}
}

func TestRead(t *testing.T) {
	l := open(t, storetest.New())
	add(t, l, "a", "b", "c", "d")
	for _, c := range []struct {
		from  uint64
		limit int
		want  string
		next  uint64
	}{
		{0, 2, "ab", 3}, {1, 2, "ab", 3}, {3, 2, "cd", 5}, {4, 9, "d", 5}, {5, 9, "", 5}, {9, 9, "", 9}, {1, 0, "", 1},
	} {
		page, err := l.Read(c.from, c.limit)
		var got string
		for _, r := range page.Records {
			got += r.Action
		}
		if got != c.want || page.Next != c.next || err != nil {
			t.Errorf("from %d, limit %d: %q, next %d (%v), want %q, next %d", c.from, c.limit, got, page.Next, err, c.want, c.next)
		}
	}
}

// Whatever is logged, the log stays within Keep files of Limit bytes.
func TestBounded(t *testing.T) {
	fs := storetest.New()
	l := open(t, fs)
	text := strings.Repeat("\x01", 5000)
	var changes []audit.Change
	for i := range 3 * audit.MaxChanges {
		changes = append(changes, audit.Change{Key: fmt.Sprint("k.", i), After: json.RawMessage(`"` + strings.Repeat("v", 1000) + `"`)})
	}
	huge := audit.Record{Who: audit.Who{Exe: text, Door: text}, Action: "huge", Transaction: text, Error: text, Changes: changes}
	for range 30 {
		if _, err := l.Append(huge); err != nil {
			t.Fatal(err)
		}
	}
	small := audit.Record{Action: "small", Changes: changes[:20]}
	for range 30 {
		if _, err := l.Append(small); err != nil {
			t.Fatal(err)
		}
	}
	files := fs.Files()
	if len(files) != 3 {
		t.Errorf("%d files, want 3", len(files))
	}
	for path, content := range files {
		if len(content) > audit.MinLimit || len(content) == 0 {
			t.Errorf("%s has %d bytes", path, len(content))
		}
	}
	page, err := l.Read(1, 1000)
	n := len(page.Records)
	if err != nil || n < 4 || page.Damaged != 0 || page.Records[n-1].Seq != 60 || len(page.Records[n-1].Changes) != 20 {
		t.Errorf("read %d records, %d damaged, %v", n, page.Damaged, err)
	}
	for i, r := range page.Records {
		if r.Seq != page.Records[0].Seq+uint64(i) {
			t.Errorf("record %d has number %d", i, r.Seq)
		}
	}
}

func TestHugeRecord(t *testing.T) {
	l := open(t, storetest.New())
	changes := make([]audit.Change, audit.MaxChanges+10)
	for i := range changes {
		changes[i] = audit.Change{Key: "k", After: json.RawMessage(`1`)}
	}
	for i, c := range []struct {
		changes       []audit.Change
		kept, omitted int
	}{
		{changes, audit.MaxChanges, 10},
		{slices.Repeat([]audit.Change{{Key: strings.Repeat("k", 1000)}}, audit.MaxChanges), 0, audit.MaxChanges},
	} {
		if _, err := l.Append(audit.Record{Changes: c.changes}); err != nil {
			t.Fatal(err)
		}
		page, err := l.Read(uint64(i+1), 1)
		if err != nil || len(page.Records[0].Changes) != c.kept || page.Records[0].Omitted != c.omitted {
			t.Errorf("record %d (%v): %d changes, %d omitted, want %d and %d", i, err,
				len(page.Records[0].Changes), page.Records[0].Omitted, c.kept, c.omitted)
		}
	}
}

// The last line may be torn anywhere.
func TestTorn(t *testing.T) {
	fs := storetest.New()
	l := open(t, fs)
	add(t, l, "one", "two")
	path := slices.Sorted(maps.Keys(fs.Files()))[0]
	whole := fs.Files()[path]
	first := strings.Index(whole, "\n") + 1
	for end := first; end < len(whole); end++ {
		torn := storetest.New()
		torn.Put(path, whole[:end])
		l := open(t, torn)
		if torn.Files()[path] != whole[:first] {
			t.Fatalf("torn at byte %d: left %q", end, torn.Files()[path])
		}
		add(t, l, "again")
		if d := cmp.Diff([]string{"1 one", "2 again"}, actions(t, l)); d != "" {
			t.Fatalf("torn at byte %d (-want +got):\n%s", end, d)
		}
	}
}

// A damaged line in the middle costs that line alone, an unreadable file that
// file alone.
func TestDamaged(t *testing.T) {
	fs := storetest.New()
	l := open(t, fs)
	add(t, l, "one", "two", "three")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := slices.Sorted(maps.Keys(fs.Files()))[0]
	fs.Put(path, strings.Replace(fs.Files()[path], `{"seq":2`, `{"seq":x`, 1))
	l = open(t, fs)
	page, err := l.Read(1, 10)
	if err != nil || len(page.Records) != 2 || page.Damaged != 1 || page.Next != 4 {
		t.Errorf("read %+v (%v), want two records and one damaged line", page, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	fs.FailRead(path, syscall.EIO)
	l = open(t, fs)
	add(t, l, "four")
	if _, err := l.Read(1, 10); !errors.Is(err, syscall.EIO) {
		t.Errorf("error %v, want %v", err, syscall.EIO)
	}
	fs.Repair()
	if got := actions(t, l); len(got) != 3 || !strings.HasSuffix(got[2], " four") {
		t.Errorf("read %q, want three, the last of them four", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, change := range map[string]func(*audit.Options){
		"no rule":     func(o *audit.Options) { o.Sensitive = nil },
		"low limit":   func(o *audit.Options) { o.Limit = 100 },
		"no files":    func(o *audit.Options) { o.Keep = -1 },
		"no parent":   func(o *audit.Options) { o.Dir = "/none/audit" },
		"broken disk": func(o *audit.Options) { o.FS.(*storetest.FS).FailFrom(1, syscall.EIO) },
	} {
		o := options(storetest.New())
		change(&o)
		if _, err := audit.Open(o); err == nil || !strings.HasPrefix(err.Error(), "opening the audit log: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestOnDisk(t *testing.T) {
	o := options(nil)
	o.Dir = filepath.Join(t.TempDir(), "audit")
	for range 2 {
		l, err := audit.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		add(t, l, "a")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if d := cmp.Diff([]string{"1 a", "2 a"}, actions(t, l)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestConcurrent(t *testing.T) {
	l := open(t, storetest.New())
	var all sync.WaitGroup
	const writers, each = 4, 50
	for range writers {
		all.Go(func() {
			for range each {
				if _, err := l.Append(audit.Record{Action: "x"}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range each {
				if _, err := l.Read(1, 10); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := actions(t, l); len(got) != writers*each || got[len(got)-1] != fmt.Sprint(writers*each, " x") {
		t.Errorf("%d records, the last %q", len(got), got[len(got)-1])
	}
}

// FuzzOpen: whatever lies in a file, the log opens, takes a record and gives it
// back with a number of its own.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"seq":1,"action":"a"}` + "\n" + `{"seq":2,"act`))
	f.Add([]byte(`{"seq":18446744073709551615}` + "\n"))
	f.Add([]byte("\x00\x00\n\n\n{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := storetest.New()
		fs.Put(dir+"/audit-00000000000000000001.jsonl", string(content))
		l := open(t, fs)
		before := len(actions(t, l))
		add(t, l, "after")
		got := actions(t, l)
		if len(got) != before+1 || got[before] != fmt.Sprint(l.Last(), " after") {
			t.Errorf("%d records before, then %q", before, got)
		}
		if again := actions(t, open(t, fs)); !slices.Equal(got, again) {
			t.Errorf("opened again: %q, want %q", again, got)
		}
	})
}
