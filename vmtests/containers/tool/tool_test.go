package tool_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/vmtests/containers/tool"
)

// TestMain is what the suite's is: under the tool's name the process is it.
func TestMain(m *testing.M) {
	if tool.Is(os.Args) {
		os.Exit(tool.Main(os.Args, tool.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// command is the tool as a process.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = append([]string{tool.Path}, args...)
	return cmd
}

// run calls a mode in this process.
func run(in string, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = tool.Main(append([]string{tool.Path}, args...), tool.Streams{In: strings.NewReader(in), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestIs(t *testing.T) {
	for name, want := range map[string]bool{"/tool": true, "tool": true, "/bin/sh": true, "/work/in/program": false} {
		if got := tool.Is([]string{name, "read"}); got != want {
			t.Errorf("Is(%q) = %t", name, got)
		}
	}
}

func TestExit(t *testing.T) {
	for _, tc := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{args: []string{"exit", "0"}},
		{args: []string{"exit", "7", "out", "err"}, code: 7, out: "out", err: "err"},
		{args: []string{"exit", "256"}, code: 1, err: "tool: exit: strconv.ParseUint: parsing \"256\": value out of range\n"},
		{args: []string{"exit"}, code: 1, err: "tool: exit: want CODE [OUT [ERR]], got []\n"},
		{args: []string{"dance"}, code: 2, err: "tool: no such mode in [\"/tool\" \"dance\"]\n"},
		{code: 2, err: "tool: no such mode in [\"/tool\"]\n"},
	} {
		code, out, errOut := run("", tc.args...)
		if code != tc.code || out != tc.out || errOut != tc.err {
			t.Errorf("%q: %d, %q, %q", tc.args, code, out, errOut)
		}
	}
}

func TestShell(t *testing.T) {
	for script, want := range map[string]string{":": "", "exec sh -l": "shell: exec sh -l\n"} {
		var out bytes.Buffer
		if code := tool.Main([]string{"sh", "-c", script}, tool.Streams{Out: &out, Err: &out}); code != 0 || out.String() != want {
			t.Errorf("sh -c %q: %d, %q", script, code, out.String())
		}
	}
}

func TestKill(t *testing.T) {
	cmd := command(t, "stay", "named-"+filepath.Base(t.TempDir())+"-by-its-words")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, out, _ := run("", "kill", cmd.Args[2])
	_ = cmd.Wait() // how it ended is looked at
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL || out != "1\n" {
		t.Errorf("kill: %q, %v", out, cmd.ProcessState)
	}
	if _, out, _ := run("", "kill", cmd.Args[2]); out != "0\n" {
		t.Errorf("kill without such a process: %q", out)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	file, missing := filepath.Join(dir, "file"), filepath.Join(dir, "missing")
	for _, text := range []string{"one\n", "two\n"} {
		if code, _, e := run("", "append", file, text); code != 0 {
			t.Fatal(e)
		}
	}
	if code, _, _ := run("", "append", filepath.Join(missing, "file"), "x"); code != 1 {
		t.Errorf("append to a file in no folder: %d", code)
	}
	_, out, _ := run("", "read", dir, file, missing, os.DevNull)
	var got tool.Files
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	want := tool.Files{
		dir: {Text: "file\n"}, file: {Text: "one\ntwo\n"}, missing: {Error: "stat " + missing + ": no such file or directory"},
		os.DevNull: {Text: tool.Device},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

func TestSpewIsWhatSumSays(t *testing.T) {
	_, spewed, _ := run("", "spew", "100000")
	_, sum, _ := run(spewed, "sum")
	var same bytes.Buffer
	if err := tool.Spew(&same, 100000); err != nil {
		t.Fatal(err)
	}
	want, err := tool.Sum(&same)
	if err != nil {
		t.Fatal(err)
	}
	if sum != want+"\n" || !strings.HasPrefix(sum, "100000 ") {
		t.Errorf("sum %q, want %q", sum, want)
	}
}

func TestSignals(t *testing.T) {
	for _, tc := range []struct {
		args []string
		sig  syscall.Signal
		code int
		out  string
	}{
		{[]string{"await"}, syscall.SIGUSR1, tool.AwaitCode, "ready\nSIGUSR1\n"},
		{[]string{"stay", "ready", "to", "stay"}, syscall.SIGTERM, 0, "ready to stay\n"},
	} {
		cmd := command(t, tc.args...)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(stdout)
		first, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%q: %v", tc.args, err)
		}
		if err := cmd.Process.Signal(tc.sig); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(r)
		_ = cmd.Wait() // the exit code is looked at
		if got := first + string(rest); got != tc.out || cmd.ProcessState.ExitCode() != tc.code {
			t.Errorf("%q: %q, %v", tc.args, got, cmd.ProcessState)
		}
	}
}
