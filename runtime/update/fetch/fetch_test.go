package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/fetch/fetchtest"
)

const (
	framesURL = "https://updates.example/root.frames"
	rawURL    = "https://updates.example/root.erofs"
)

var salt = blocks.Salt{7}

// image returns a file whose blocks have the numbers given; 0 is zeros.
func image(numbers ...int) []byte {
	var data []byte
	for _, n := range numbers {
		block := make([]byte, 0, blocks.BlockSize)
		for i := 0; n != 0 && len(block) < blocks.BlockSize; i++ {
			sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n<<32+i)))
			block = append(block, sum[:]...)
		}
		data = append(data, block[:blocks.BlockSize]...)
	}
	return data
}

// count returns n consecutive numbers.
func count(from, n int) []int {
	var s []int
	for i := range n {
		s = append(s, from+i)
	}
	return s
}

// device is a Target in memory.
type device struct {
	data   []byte
	writes atomic.Int64
	failAt int64 // 0: never
	err    error
}

func (d *device) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(d.data).ReadAt(p, off)
}

func (d *device) WriteAt(p []byte, off int64) (int, error) {
	if n := d.writes.Add(1); n == d.failAt {
		return 0, d.err
	}
	return copy(d.data[off:], p), nil
}

// lab is a server with an image and a host that wants it.
type lab struct {
	server fetchtest.Server
	data   []byte
	frames []byte
	job    fetch.Job
	target *device
}

// newLab serves the image made of numbers to a host with an empty slot.
func newLab(t *testing.T, numbers ...int) *lab {
	t.Helper()
	l := &lab{data: image(numbers...)}
	var frames bytes.Buffer
	x, err := blocks.Write(&frames, bytes.NewReader(l.data), blocks.Options{Size: int64(len(l.data)), Salt: salt})
	if err != nil {
		t.Fatal(err)
	}
	l.frames = frames.Bytes()
	l.server.Put("/root.frames", l.frames)
	l.server.Put("/root.erofs", l.data)
	l.target = &device{data: bytes.Repeat([]byte{0xaa}, len(l.data)+8192)}
	l.job = fetch.Job{Client: &l.server, Index: x, Frames: framesURL, Raw: rawURL, Target: l.target}
	return l
}

// local adds a device with the blocks given.
func (l *lab) local(t *testing.T, name string, numbers ...int) []byte {
	t.Helper()
	data := image(numbers...)
	l.job.Locals = append(l.job.Locals, fetch.Local{Local: plan.Local{Name: name, Leaves: hash(t, data)}, Data: bytes.NewReader(data)})
	return data
}

// stale says that the target holds the blocks given.
func (l *lab) stale(t *testing.T, numbers ...int) {
	t.Helper()
	data := image(numbers...)
	copy(l.target.data, data)
	l.job.Locals = append(l.job.Locals, fetch.Local{Local: plan.Local{Name: "B", Leaves: hash(t, data), InPlace: true}, Data: l.target})
}

func hash(t *testing.T, data []byte) []blocks.Prefix {
	t.Helper()
	leaves, err := blocks.HashLeaves(context.Background(), bytes.NewReader(data), salt, len(data)/blocks.BlockSize)
	if err != nil {
		t.Fatal(err)
	}
	return leaves
}

// run runs the job, which must fill the target.
func (l *lab) run(t *testing.T) fetch.Report {
	t.Helper()
	r, err := fetch.Run(context.Background(), l.job)
	if err != nil {
		t.Fatal(err)
	}
	l.judge(t)
	return r
}

func (l *lab) judge(t *testing.T) {
	t.Helper()
	if !bytes.Equal(l.target.data[:len(l.data)], l.data) {
		t.Error("the slot does not hold the image")
	}
	if !bytes.Equal(l.target.data[len(l.data):], bytes.Repeat([]byte{0xaa}, 8192)) {
		t.Error("something was written behind the image")
	}
}

func TestCopiesWhatIsHad(t *testing.T) {
	numbers := append(count(1, 100), 0, 0, 0, 200, 201)
	l := newLab(t, numbers...)
	l.local(t, "A", append(count(50, 51), 200, 201)...)
	l.stale(t, append(count(1, 40), count(300, 60)...)...)
	l.job.Cost = plan.Cost{Gap: 0, MaxBytes: 1 << 20, MaxRequests: 100, WholePercent: 100}
	r := l.run(t)
	want := plan.Counts{InPlace: 40, Copied: 53, Zero: 3, Missing: 9} // 41 to 49 are missing
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	// Blocks 40 to 48 lie in frames 5 and 6, of 8 blocks.
	if r.Requests != 1 || r.Way != fetch.Ranges || r.Bytes > 70_000 {
		t.Errorf("report is %+v, want one request of two frames", r)
	}
}

func TestNothingIsMissing(t *testing.T) {
	l := newLab(t, count(1, 40)...)
	l.local(t, "A", count(1, 40)...)
	if r := l.run(t); r.Requests != 0 || r.Way != "" {
		t.Errorf("report is %+v, want no requests", r)
	}
}

// TestMovesWithinTheTarget turns the order of blocks around, so that each
// block's place holds one that is needed elsewhere.
func TestMovesWithinTheTarget(t *testing.T) {
	numbers := count(1, 999)
	l := newLab(t, numbers...)
	slices.Reverse(numbers)
	l.stale(t, numbers...)
	r := l.run(t)
	if r.Requests != 0 || r.InPlace != 1 || r.Copied != 998 || r.Rejected != 0 {
		t.Errorf("report is %+v, want everything moved", r)
	}
}

// TestHintsAreNotBelieved gives a device whose leaf hashes lie.
func TestHintsAreNotBelieved(t *testing.T) {
	l := newLab(t, count(1, 64)...)
	data := l.local(t, "A", count(1, 64)...)
	copy(data[5*blocks.BlockSize:], "rotten")
	data[40*blocks.BlockSize] ^= 1
	l.stale(t, 9, 9, 9)
	l.job.Locals[1].Leaves = hash(t, image(1, 2, 3)) // the hash tree is of something else
	r := l.run(t)
	if r.Rejected != 5 || r.Way != fetch.Ranges || r.Requests != 2 {
		t.Errorf("report is %+v, want 5 blocks rejected and two frames fetched", r)
	}
}

func TestUnreadableDeviceIsMissed(t *testing.T) {
	l := newLab(t, count(1, 64)...)
	l.local(t, "A", count(1, 64)...)
	l.job.Locals[0].Data = bytes.NewReader(nil)
	if r := l.run(t); r.Rejected != 64 || r.Bytes < 64*4096 {
		t.Errorf("report is %+v", r)
	}
}

func TestWholeStreamWhereMostIsMissing(t *testing.T) {
	l := newLab(t, count(1, 200)...)
	l.local(t, "A", 3, 4)
	r := l.run(t)
	if diff := cmp.Diff([]string{"/root.frames"}, l.server.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if r.Way != fetch.Stream || r.Bytes != int64(len(l.frames)) {
		t.Errorf("report is %+v", r)
	}
}

func TestShortLastBlock(t *testing.T) {
	l := newLab(t, count(1, 20)...)
	l.data = l.data[:len(l.data)-1000]
	var frames bytes.Buffer
	var err error
	if l.job.Index, err = blocks.Write(&frames, bytes.NewReader(l.data), blocks.Options{Size: int64(len(l.data)), Salt: salt}); err != nil {
		t.Fatal(err)
	}
	l.server.Put("/root.frames", frames.Bytes())
	l.target.data = bytes.Repeat([]byte{0xaa}, len(l.data)+8192)
	l.run(t)
}

func TestGoesOnAfterARestart(t *testing.T) {
	l := newLab(t, count(1, 400)...)
	l.target.failAt, l.target.err = 30, syscall.EIO
	_, err := fetch.Run(context.Background(), l.job)
	if !errors.Is(err, fetch.ErrDisk) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("error is %v, want ErrDisk for EIO", err)
	}
	l.target.failAt = 0
	l.job.Locals = []fetch.Local{{Local: plan.Local{Leaves: hash(t, l.target.data[:len(l.data)]), InPlace: true}, Data: l.target}}
	r := l.run(t)
	if r.InPlace < 29*8 || r.Bytes >= int64(len(l.frames))/2 {
		t.Errorf("report is %+v, want that what was written is kept", r)
	}
}

func TestProgressEndsAtTheEnd(t *testing.T) {
	l := newLab(t, count(1, 64)...)
	l.local(t, "A", count(1, 20)...)
	var last atomic.Pointer[fetch.Progress]
	l.job.Progress = func(p fetch.Progress) {
		if was := last.Load(); was == nil || p.Done >= was.Done {
			last.Store(&p)
		}
	}
	r := l.run(t)
	want := fetch.Progress{Blocks: 64, Done: 64, Bytes: r.Bytes, Expected: r.Bytes}
	if diff := cmp.Diff(want, *last.Load()); diff != "" {
		t.Errorf("last progress (-want +got):\n%s", diff)
	}
}

// TestFaults holds for each fault how the image came nevertheless, or why not.
func TestFaults(t *testing.T) {
	tests := []struct {
		name   string
		damage func(l *lab)
		way    fetch.Way // empty: it must fail
		want   string    // in the reasons or the error
	}{
		{"ranges ignored", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Ignore(l.frames)) }, fetch.Stream, "server ignores ranges"},
		{"another range", func(l *lab) { l.server.Break("/root.frames", 1, fetchtest.Shift) }, fetch.Stream, "Content-Range is"},
		{"another size", func(l *lab) { l.server.Break("/root.frames", 1, fetchtest.Resize) }, fetch.Stream, "/4711"},
		{"short answer announced", func(l *lab) { l.server.Break("/root.frames", 1, fetchtest.Truncate(100)) }, fetch.Stream, "100 bytes, want"},
		{"connection breaks", func(l *lab) { l.server.Break("/root.frames", 3, fetchtest.Cut(40_000)) }, fetch.Ranges, ""},
		{"connection always breaks at once", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Cut(10)) }, fetch.Raw, "answer is too short"},
		{"corrupted once", func(l *lab) { l.server.Break("/root.frames", 1, fetchtest.Flip(50)) }, fetch.Ranges, ""},
		{"corrupted frames", func(l *lab) {
			l.frames[len(l.frames)/2] ^= 1
			l.frames[len(l.frames)/3] ^= 1
		}, fetch.Raw, "not what the index says"},
		{"busy for a while", func(l *lab) { l.server.Break("/root.frames", 3, fetchtest.Status(503, "Retry-After: 20")) }, fetch.Ranges, ""},
		{"always busy", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Status(503)) }, fetch.Raw, "503 Service Unavailable"},
		{"frames are gone", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Status(404)) }, fetch.Raw, "404 Not Found"},
		{"range not satisfiable", func(l *lab) { l.server.Break("/root.frames", 1, fetchtest.Status(416)) }, fetch.Stream, "it has no bytes"},
		{"slow trickle", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Trickle(time.Second)) }, fetch.Raw, "server is too slow: less than 2048 bytes a second"},
		{"hangs", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Hang) }, fetch.Raw, "server is too slow: no answer in 30s"},
		{"endless", func(l *lab) { l.server.Break("/root.frames", fetchtest.Always, fetchtest.Endless(nil)) }, fetch.Ranges, ""},
		{"encoded", func(l *lab) {
			l.server.Break("/root.frames", fetchtest.Always, fetchtest.Status(206, "Content-Encoding: gzip"))
		}, fetch.Raw, `encoded the answer: "gzip"`},
		{"elsewhere", func(l *lab) {
			l.server.Break("/root.frames", fetchtest.Always, fetchtest.Elsewhere("https://evil.example/x"))
			l.job.Raw = ""
		}, "", "redirect to another host: evil.example"},
		{"redirect not followed", func(l *lab) {
			l.server.Break("/root.frames", fetchtest.Always, fetchtest.Status(302, "Location: http://evil.example/"))
			l.job.Raw = ""
		}, "", "redirect to another host: http://evil.example/"},
		{"everything corrupted", func(l *lab) {
			l.frames[len(l.frames)*3/8] ^= 1
			l.data = bytes.Clone(l.data)
			l.data[len(l.data)*3/8] ^= 1
			l.server.Put("/root.erofs", l.data)
		}, "", "not what the index says"},
		{"more bytes than allowed", func(l *lab) { l.job.Limits.Bytes = 50_000 }, "", "more bytes than allowed: 50000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, count(1, 400)...)
				l.local(t, "A", append(count(1, 100), count(200, 100)...)...)
				tt.damage(l)
				r, err := fetch.Run(t.Context(), l.job)
				if tt.way == "" {
					if err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Fatalf("error is %v, want one with %q", err, tt.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				l.judge(t)
				if r.Way != tt.way || !strings.Contains(strings.Join(r.Reasons, "\n"), tt.want) {
					t.Errorf("report is %+v, want %s and a reason with %q", r, tt.way, tt.want)
				}
				if r.Bytes > 4*int64(len(l.data)) || r.Requests > 200 {
					t.Errorf("%d bytes in %d requests for an image of %d", r.Bytes, r.Requests, len(l.data))
				}
			})
		})
	}
}

// TestEndlessIsNotRead shows how much of an endless answer is taken.
func TestEndlessIsNotRead(t *testing.T) {
	l := newLab(t, count(1, 100)...)
	var taken atomic.Int64
	l.server.Break("/root.frames", fetchtest.Always, fetchtest.Endless(func(n int) { taken.Add(int64(n)) }))
	l.run(t)
	if taken.Load() != int64(len(l.frames)) {
		t.Errorf("%d bytes were read of a file of %d", taken.Load(), len(l.frames))
	}
}

// TestStreamGoesOn breaks the whole stream again and again, with and without
// ranges.
func TestStreamGoesOn(t *testing.T) {
	for name, ranges := range map[string]bool{"with ranges": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, count(1, 300)...)
				for i := range 6 {
					if ranges {
						l.server.Break("/root.frames", 1, fetchtest.Cut(200_000))
						continue
					}
					l.server.Break("/root.frames", 1, func(req *http.Request, resp *http.Response, data []byte) {
						fetchtest.Ignore(l.frames)(req, resp, l.frames)
						fetchtest.Cut(200_000*(i/2+1))(req, resp, l.frames)
					})
				}
				if !ranges {
					l.server.Break("/root.frames", fetchtest.Always, fetchtest.Ignore(l.frames))
				}
				r := l.run(t)
				if r.Way != fetch.Stream || ranges && r.Bytes > int64(len(l.frames))+6*40_000 {
					t.Errorf("report is %+v", r)
				}
			})
		})
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, count(1, 100)...)
		l.server.Break("/root.frames", fetchtest.Always, fetchtest.Hang)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := fetch.Run(ctx, l.job); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %s to stop", d)
		}
	})
}

func TestRunRefuses(t *testing.T) {
	for _, u := range []string{"", "root.frames", "://"} {
		l := newLab(t, 1, 2)
		l.job.Frames = u
		if _, err := fetch.Run(context.Background(), l.job); err == nil || l.target.writes.Load() > 0 {
			t.Errorf("URL %q: error is %v", u, err)
		}
	}
}

// TestOverHTTP uses real connections, and redirects on them.
func TestOverHTTP(t *testing.T) {
	l := newLab(t, count(1, 400)...)
	l.local(t, "A", append(count(1, 100), count(200, 100)...)...)
	l.server.Break("/root.frames", 1, fetchtest.Cut(30_000))
	server := httptest.NewServer(&l.server)
	defer server.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(server.URL+"/root.frames", http.StatusFound))
	defer elsewhere.Close()
	l.job.Client = fetch.NewClient(server.Client().Transport)
	l.job.Limits.Backoff = time.Millisecond
	l.job.Frames, l.job.Raw = elsewhere.URL+"/root.frames", ""
	if _, err := fetch.Run(context.Background(), l.job); !errors.Is(err, fetch.ErrRedirect) {
		t.Errorf("error is %v, want ErrRedirect", err)
	}
	if got := l.server.Requests(); len(got) > 0 {
		t.Errorf("the other host was asked: %v", got)
	}
	l.job.Frames = server.URL + "/root.frames"
	if r := l.run(t); r.Way != fetch.Ranges {
		t.Errorf("report is %+v", r)
	}
}
