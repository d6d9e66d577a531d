package crashtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/tuf-repo/cli"
	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/imagetest"
	"github.com/slipway-os/slipway/tuf-repo/key"
)

// killVariable makes the test binary be a tufrepo that kills itself before
// its N-th step.
const killVariable = "CRASHTEST_KILL_AT"

func TestMain(m *testing.M) {
	if s, ok := os.LookupEnv(killVariable); ok {
		at, err := strconv.Atoi(s)
		if err != nil {
			panic(err)
		}
		os.Exit(cli.MainOn(killer(at), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Setenv(key.Variable, "secret")
	os.Exit(m.Run())
}

func killer(at int) *disk.Disk {
	steps := 0
	return &disk.Disk{Unsynced: true, Step: func(string, string) error {
		if steps++; steps == at {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {} // until the signal comes
		}
		return nil
	}}
}

// site is a folder with srv (a repository), keys, images and what the
// commands are run in.
type site struct {
	t   *testing.T
	dir string
}

// args puts the site's folder in the place of "@".
func (s site) args(args []string) []string {
	var all []string
	for _, arg := range args {
		if rest, ok := strings.CutPrefix(arg, "@"); ok {
			arg = s.dir + rest
		}
		all = append(all, arg)
	}
	return all
}

// runKilled runs tufrepo as a process of its own that is killed at a step.
func (s site) runKilled(at int, args ...string) (killed bool, output string, err error) {
	s.t.Helper()
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(program, s.args(args)...)
	cmd.Env = append(os.Environ(), killVariable+"="+strconv.Itoa(at))
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &b
	err = cmd.Run()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true, b.String(), nil
	}
	return false, b.String(), err
}

// run runs tufrepo in this process and returns what it said.
func (s site) run(args ...string) (output string, ok bool) {
	var b bytes.Buffer
	code := cli.MainOn(&disk.Disk{Unsynced: true}, s.args(args), &b, &b)
	return b.String(), code == 0
}

func (s site) must(args ...string) {
	s.t.Helper()
	if output, ok := s.run(args...); !ok {
		s.t.Fatalf("tufrepo %s: %s", strings.Join(args, " "), output)
	}
}

func (s site) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// scenario is a command that is killed.
type scenario struct {
	name string
	args []string
	// repo is the folder that hosts read, "srv" if it is empty.
	repo string
	// finish ends the command after a crash; it may fail where nothing was
	// left to do. None: the command itself.
	finish [][]string
}

// with adds the flags of commands that may make keys, on those that sign.
func with(args ...string) []string { return signing(append(args, "--work-factor", "1")...) }

func signing(args ...string) []string { return append(args, "--repo", "@/srv", "--keys", "@/keys") }

// rotation is a scenario of a change that may wait.
func rotation(name string, args ...string) scenario {
	return scenario{name: "rotate-" + name, args: with(args...), finish: [][]string{signing("rotate", "--continue"), with(args...)}}
}

var scenarios = []scenario{
	{name: "publish", args: signing("publish", "--artifacts", "@/two/artifacts", "--waves", "emergency", "--start", "2026-01-01T00:00:00Z")},
	{name: "refresh", args: signing("refresh")},
	{name: "pause", args: signing("pause", "--version", "0.1.0")},
	{name: "waves", args: signing("waves", "--version", "0.1.0", "--waves", "fast", "--start", "2026-01-01T00:00:00Z")},
	{name: "channel", args: with("channel", "beta")},
	rotation("timestamp", "rotate", "timestamp", "--new", "t2", "--remove", "timestamp"),
	rotation("snapshot", "rotate", "snapshot", "--new", "s2", "--remove", "snapshot"),
	rotation("targets", "rotate", "targets", "--new", "g2", "--remove", "targets"),
	rotation("root", "rotate", "root", "--new", "r2", "--new", "r3", "--threshold", "2"),
	{name: "rotate-channel", args: with("rotate", "stable", "--new", "c2", "--remove", "stable")},
	{name: "mirror", args: []string{"mirror", "--from", "@/srv", "--root", "@/anchor.json", "--output", "@/mirror"}, repo: "mirror"},
}

// base makes the site that each scenario starts from: one image published, a
// mirror of an older state, another image at hand.
func base(t *testing.T) site {
	s := site{t, t.TempDir()}
	for name, version := range map[string]string{"one": "0.1.0", "two": "0.2.0"} {
		if _, err := imagetest.Artifacts(s.path(name), version); err != nil {
			t.Fatal(err)
		}
	}
	s.must(with("init")...)
	data, err := os.ReadFile(s.path("srv", "metadata", "1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("anchor.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	s.must("mirror", "--from", "@/srv", "--root", "@/anchor.json", "--output", "@/mirror")
	s.must(signing("publish", "--artifacts", "@/one/artifacts")...)
	s.must(with("rotate", "timestamp", "--new", "t1", "--remove", "timestamp")...)
	s.must(with("rotate", "timestamp", "--new", "timestamp", "--remove", "t1")...)
	for _, name := range []string{"one/disk.img", "one/root.tar", "two/disk.img", "two/root.tar"} {
		os.Remove(s.path(name))
	}
	return s
}

// TestKilledAtEveryStep is the promise of the repository.
func TestKilledAtEveryStep(t *testing.T) {
	start := base(t)
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			if sc.repo == "" {
				sc.repo = "srv"
			}
			kill(t, start, sc)
		})
	}
}

func kill(t *testing.T, start site, sc scenario) {
	anchor, err := os.ReadFile(start.path("anchor.json"))
	if err != nil {
		t.Fatal(err)
	}
	memory := host{t.TempDir()} // of a host that knows the old state
	old, err := memory.look(t, start.path(sc.repo), anchor)
	if err != nil {
		t.Fatal(err)
	}
	after := site{t, t.TempDir()}
	copyTree(t, start.dir, after.dir)
	after.must(sc.args...)
	want, err := host{t.TempDir()}.look(t, after.path(sc.repo), anchor)
	if err != nil {
		t.Fatal(err)
	}
	at := 1
	for ; ; at++ {
		s := site{t, t.TempDir()}
		copyTree(t, start.dir, s.dir)
		killed, output, err := s.runKilled(at, sc.args...)
		if err != nil {
			t.Fatalf("step %d: %v\n%s", at, err, output)
		}
		known := host{filepath.Join(t.TempDir(), "memory")}
		copyTree(t, memory.cache, known.cache)
		judge := func(when string, h host, allowed ...view) {
			t.Helper()
			got, err := h.look(t, s.path(sc.repo), anchor)
			if err != nil {
				t.Fatalf("killed at step %d, %s: the repository is not valid: %v", at, when, err)
			}
			for _, v := range allowed {
				if cmp.Equal(got, v) {
					return
				}
			}
			t.Fatalf("killed at step %d, %s: the repository is neither old nor new: %s", at, when, cmp.Diff(allowed[len(allowed)-1], got))
		}
		judge("a new host", host{t.TempDir()}, old, want)
		judge("a host that knows the old state", known, old, want)
		if !killed {
			break
		}
		output = s.finish(sc, after)
		if err := s.settled(after); err != nil {
			t.Fatalf("killed at step %d, finished (%s): %v", at, output, err)
		}
		judge("finished ("+output+"), a host that knows an older state", known, want)
		os.RemoveAll(s.dir)
	}
	if at < 10 && sc.name != "refresh" {
		t.Errorf("only %d steps: does the command change anything?", at)
	}
	t.Logf("killed at %d steps", at-1)
}

// finish does after a crash what an operator does, until things are as in a
// site where nobody was killed.
func (s site) finish(sc scenario, after site) string {
	s.t.Helper()
	commands := sc.finish
	if len(commands) == 0 {
		commands = [][]string{sc.args}
	}
	var said []string
	for n, args := range commands {
		if n > 0 && s.settled(after) == nil {
			break
		}
		output, ok := s.run(args...)
		said = append(said, fmt.Sprintf("%s: %v %s", args[0], ok, strings.TrimSpace(output)))
	}
	return strings.Join(said, "; ")
}

// settled reports whether no change waits and the newest root is as in a site
// where nobody was killed.
func (s site) settled(after site) error {
	if _, err := os.Lstat(s.path("srv", ".tufrepo", "pending.json")); err == nil {
		return errors.New("a change still waits")
	}
	want, err := filepath.Glob(after.path("srv", "metadata", "*.root.json"))
	if err != nil {
		return err
	}
	got, err := filepath.Glob(s.path("srv", "metadata", "*.root.json"))
	if err == nil && len(got) != len(want) {
		err = fmt.Errorf("there are %d roots, want %d", len(got), len(want))
	}
	return err
}

// TestKilledInit kills the making of a repository and makes it again.
func TestKilledInit(t *testing.T) {
	for at := 1; ; at++ {
		s := site{t, t.TempDir()}
		killed, output, err := s.runKilled(at, with("init", "--root-keys", "2", "--root-threshold", "2")...)
		if err != nil {
			t.Fatalf("step %d: %v\n%s", at, err, output)
		}
		if !killed {
			if at < 50 {
				t.Errorf("init has only %d steps", at)
			}
			return
		}
		// It may have come to its end but for the last removal.
		if output, ok := s.run(with("init", "--root-keys", "2", "--root-threshold", "2")...); !ok && !strings.Contains(output, "there is one already") {
			t.Fatalf("killed at step %d, made again: %s", at, output)
		}
		anchor, err := os.ReadFile(s.path("srv", "metadata", "1.root.json"))
		if err != nil {
			t.Fatalf("killed at step %d: %v", at, err)
		}
		if _, err := (host{t.TempDir()}).look(t, s.path("srv"), anchor); err != nil {
			t.Fatalf("killed at step %d, made again: %v", at, err)
		}
		s.must(signing("refresh")...)
	}
}
