package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/containers/exec"
	"github.com/slipway-os/slipway/vmtests/containers/tool"
)

const mib = 1 << 20

// execSpecs are about commands in containers, over a websocket.
func execSpecs(host *shared) {
	It("runs a command and returns its exit code and both outputs", func(ctx SpecContext) {
		Expect(host.inside.run(ctx, "super", tool.Path, "exit", "42", "out\n", "err\n")).To(Equal(outcome{42, "out\n", "err\n"}))
		Expect(host.inside.run(ctx, "plain", tool.Path, "exit", "0")).To(Equal(outcome{}))
	}, SpecTimeout(patience))

	It("passes large input and output on, whole", func(ctx SpecContext) {
		var data bytes.Buffer
		Expect(tool.Spew(&data, 4*mib)).To(Succeed())
		want, err := tool.Sum(bytes.NewReader(data.Bytes()))
		Expect(err).NotTo(HaveOccurred())
		got, err := host.inside.try(ctx, "plain", bytes.NewReader(data.Bytes()), tool.Path, "sum")
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(Equal(outcome{0, want + "\n", ""}))
		spewed := host.inside.run(ctx, "plain", tool.Path, "spew", fmt.Sprint(4*mib))
		Expect(spewed.Code).To(BeZero())
		Expect(tool.Sum(strings.NewReader(spewed.Out))).To(Equal(want))
	}, SpecTimeout(patience))

	It("gives a command a terminal that changes its size and ends with ^D", func(ctx SpecContext) {
		t := start(ctx, host.inside, exec.Request{
			Container: "plain", Command: []string{tool.Path, "size"}, TTY: true, Term: "vt100",
		}, exec.Size{Rows: 24, Cols: 80})
		eventually(ctx, t.out).Should(gbytes.Say(`24 80\r\n`))
		t.resize(exec.Size{Rows: 50, Cols: 132})
		eventually(ctx, t.out).Should(gbytes.Say(`50 132\r\n`))
		Expect(t.input.Close()).To(Succeed())
		eventually(ctx, t.ended).Should(Receive(Equal(result{})))
	}, SpecTimeout(patience))

	It("passes signals on", func(ctx SpecContext) {
		for _, tc := range []struct {
			signal syscall.Signal
			code   int
			out    string
		}{{syscall.SIGUSR1, tool.AwaitCode, "SIGUSR1\n"}, {syscall.SIGINT, tool.AwaitCode, "SIGINT\n"}, {syscall.SIGKILL, 128 + 9, ""}} {
			t := start(ctx, host.inside, exec.Request{Container: "super", Command: []string{tool.Path, "await"}}, exec.Size{})
			eventually(ctx, t.out).Should(gbytes.Say("ready\n"))
			t.signals <- tc.signal
			eventually(ctx, t.ended).Should(Receive(Equal(result{code: tc.code})), "after %s", tc.signal)
			Expect(string(t.out.Contents())).To(Equal("ready\n"+tc.out), "after %s", tc.signal)
		}
	}, SpecTimeout(patience))

	It("ends the command of a client that leaves", func(ctx SpecContext) {
		leaving, leave := context.WithCancel(ctx)
		t := start(leaving, host.inside, exec.Request{Container: "super", Command: []string{tool.Path, "await"}}, exec.Size{})
		eventually(ctx, t.out).Should(gbytes.Say("ready\n"))
		leave()
		eventually(ctx, func(ctx context.Context) []string {
			return journal(ctx, host.Machine, "slipway-apiserver.service")
		}).Should(ContainElement(And(ContainSubstring("exec: cut off"), ContainSubstring("container=super"), ContainSubstring("the client left"))))
	}, SpecTimeout(patience))

	It("says what cannot be run", func(ctx SpecContext) {
		_, err := host.inside.try(ctx, "nobody", nil, tool.Path, "exit", "0")
		Expect(errors.Is(err, exec.ErrNotRunning)).To(BeTrue(), "%v", err)
		_, err = host.inside.try(ctx, "plain", nil, "/no/such/program")
		Expect(err).To(MatchError(ContainSubstring("/no/such/program")))
		By("at the virtio-serial door, which has no connections")
		_, err = host.API.Get(ctx, api.PathExec)
		Expect(err).To(MatchError(ContainSubstring("HTTP status 501")))
	}, SpecTimeout(patience))

	It("notes in the audit log who ran what, without its arguments", func(ctx SpecContext) {
		host.inside.tool(ctx, "plain", "exit", "0", "secret-argument")
		b, err := host.API.Get(ctx, api.PathAudit)
		Expect(err).NotTo(HaveOccurred())
		Expect(b).To(And(ContainSubstring("exec plain "+tool.Path), Not(ContainSubstring("secret-argument"))))
	}, SpecTimeout(patience))
}

// A terminal is a command under way.
type terminal struct {
	input   *io.PipeWriter
	out     *gbytes.Buffer
	signals chan os.Signal
	ended   chan result

	mu      sync.Mutex
	size    exec.Size
	resized chan os.Signal
}

// result is how a command ended.
type result struct {
	code int
	err  error
}

// start runs a command in the background, until ctx ends.
func start(ctx context.Context, r *inside, request exec.Request, size exec.Size) *terminal {
	in, feed := io.Pipe()
	t := &terminal{
		input: feed, out: gbytes.NewBuffer(), signals: make(chan os.Signal, 1), ended: make(chan result, 1),
		size: size, resized: make(chan os.Signal, 1),
	}
	request.Stdin, request.Stdout, request.Stderr = in, t.out, t.out
	request.Signals, request.Resized = t.signals, t.resized
	request.Size = func() (exec.Size, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.size, t.size != exec.Size{}
	}
	go func() {
		code, err := r.client.Run(ctx, request)
		in.Close()
		t.ended <- result{code, err}
	}()
	return t
}

// resize changes the terminal's size.
func (t *terminal) resize(size exec.Size) {
	t.mu.Lock()
	t.size = size
	t.mu.Unlock()
	t.resized <- syscall.SIGWINCH
}
