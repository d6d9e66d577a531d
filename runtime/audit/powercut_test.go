package audit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// padding makes a file full after a few records.
var padding = strings.Repeat("x", audit.MaxText)

// write opens the log and adds n records, beginning with number first; done is
// how many were acknowledged.
func write(fs *storetest.FS, first, n int) (done int, err error) {
	o := options(fs)
	o.Keep = 100
	l, err := audit.Open(o)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	for i := range n {
		if _, err := l.Append(audit.Record{Action: fmt.Sprint("r", first+i), Error: padding, Transaction: padding}); err != nil {
			return i, err
		}
	}
	return n, nil
}

// losses cuts the power at every operation while a log is opened and written
// across the end of a file, and lists where then something is lost.
func losses(t *testing.T, noSync bool) (lost []string, cuts int) {
	t.Helper()
	fs := storetest.New()
	if _, err := write(fs, 1, 29); err != nil { // 64 KiB hold 30
		t.Fatal(err)
	}
	fs.Restart(storetest.Survival{Names: storetest.All, Data: storetest.All})
	fs.NoSync = noSync
	for _, begin := range []*storetest.FS{storetest.New(), fs} {
		begin.NoSync = noSync
		before := len(begin.Files()) * 29
		whole := begin.Clone()
		if _, err := write(whole, before+1, 4); err != nil {
			t.Fatal(err)
		}
		if before > 0 && len(whole.Files()) != 2 {
			t.Fatalf("the log has %d files: the end of the first was not crossed", len(whole.Files()))
		}
		for n := 1; n <= whole.Ops()+1; n++ {
			for _, survival := range storetest.Survivals() {
				cut := begin.Clone()
				cut.CutAt(n)
				done, _ := write(cut, before+1, 4)
				cut.Restart(survival)
				cuts++
				if err := intact(t, cut, before+done, before+4); err != nil {
					lost = append(lost, fmt.Sprintf("cut at operation %d, survived %+v: %v", n, survival, err))
				}
			}
		}
	}
	return lost, cuts
}

// intact says what is wrong with a log that has to hold the records r1, r2, …,
// at least the first least and at most the first most.
func intact(t *testing.T, fs *storetest.FS, least, most int) error {
	t.Helper()
	o := options(fs)
	o.Keep = 100
	l, err := audit.Open(o)
	if err != nil {
		return err
	}
	defer l.Close()
	add(t, l, "after")
	got := actions(t, l)
	if n := len(got) - 1; n < least || n > most {
		return fmt.Errorf("%d records, want %d to %d", n, least, most)
	}
	for i := range got {
		want := fmt.Sprintf("%d r%d", i+1, i+1)
		if i == len(got)-1 {
			want = fmt.Sprintf("%d after", i+1)
		}
		if got[i] != want {
			return fmt.Errorf("record %q, want %q", got[i], want)
		}
	}
	return nil
}

func TestPowerCut(t *testing.T) {
	lost, cuts := losses(t, false)
	for _, l := range lost {
		t.Error(l)
	}
	if cuts < 200 {
		t.Errorf("only %d power cuts", cuts)
	}
	t.Logf("%d power cuts", cuts)
}

// Without fsync the same test has to fail, or it would test nothing.
func TestPowerCutNoticesMissingSync(t *testing.T) {
	if lost, cuts := losses(t, true); len(lost) == 0 {
		t.Errorf("nothing was lost in %d power cuts without fsync", cuts)
	}
}

// A disk that fails at any operation makes Append fail and costs no record;
// when it is well again, the same log goes on.
func TestDiskFails(t *testing.T) {
	begin := storetest.New()
	if _, err := write(begin, 1, 28); err != nil {
		t.Fatal(err)
	}
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; n <= 16; n++ {
			for _, forever := range []bool{false, true} {
				fs := begin.Clone()
				l := open(t, fs)
				if forever {
					fs.FailFrom(n, failure)
				} else {
					fs.FailAt(n, failure)
				}
				want := 28
				for range 6 {
					_, err := l.Append(audit.Record{Action: fmt.Sprint("r", want+1), Error: padding, Transaction: padding})
					if err == nil {
						want++
					} else if !errors.Is(err, failure) {
						t.Errorf("operation %d: error %v, want %v", n, err, failure)
					}
				}
				fs.Repair()
				if got := actions(t, l); len(got) != want {
					t.Errorf("operation %d fails with %v, for ever %v: %d records, want %d", n, failure, forever, len(got), want)
				}
				add(t, l, fmt.Sprint("r", want+1))
				l.Close()
				if err := intact(t, fs, want+1, want+1); err != nil {
					t.Errorf("operation %d fails with %v, for ever %v: %v", n, failure, forever, err)
				}
			}
		}
	}
	if slices.Contains(actions(t, open(t, begin)), "29 r29") {
		t.Error("the beginning was changed: the cases are not apart")
	}
}
