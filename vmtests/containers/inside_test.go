package containers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/containers/exec"
	"github.com/slipway-os/slipway/vmtests/containers/tool"
)

// rootfs is where the host's root is in a container that has it.
const rootfs = "/.slipway/rootfs"

// An inside is the host's API as a container sees it, which has a tunnel to us.
// Commands cannot be run through the virtio-serial door.
type inside struct {
	gate   *tool.Gate
	client *exec.Client
}

func newInside() *inside {
	GinkgoHelper()
	gate, err := tool.OpenGate()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(gate.Close)
	gate.Handshake = lab.Accel.Patience(gate.Handshake)
	return &inside{gate: gate, client: &exec.Client{HTTP: gate.HTTP(api.Socket), URL: "http://slipway" + api.PathExec}}
}

// An outcome is what came of a command.
type outcome struct {
	Code     int
	Out, Err string
}

// try runs a command in a container.
func (r *inside) try(ctx context.Context, container string, input io.Reader, command ...string) (outcome, error) {
	var out, errOut bytes.Buffer
	code, err := r.client.Run(ctx, exec.Request{
		Container: container, Command: command, Stdin: input, Stdout: &out, Stderr: &errOut,
	})
	return outcome{code, out.String(), errOut.String()}, err
}

// run is try for a command that must at least be started.
func (r *inside) run(ctx context.Context, container string, command ...string) outcome {
	GinkgoHelper()
	got, err := r.try(ctx, container, nil, command...)
	Expect(err).NotTo(HaveOccurred())
	return got
}

// tool runs a mode of the tool in a container, which must succeed, and returns
// its output.
func (r *inside) tool(ctx context.Context, container string, args ...string) string {
	GinkgoHelper()
	got := r.run(ctx, container, append([]string{tool.Path}, args...)...)
	Expect(got).To(HaveField("Code", 0), "tool %q in %s", args, container)
	return got.Out
}

// files reads files and lists folders in a container.
func (r *inside) files(ctx context.Context, container string, paths ...string) tool.Files {
	GinkgoHelper()
	var files tool.Files
	Expect(json.Unmarshal([]byte(r.tool(ctx, container, append([]string{"read"}, paths...)...)), &files)).To(Succeed())
	return files
}

// hostFiles reads files of the host in a superpowered container.
func (r *inside) hostFiles(ctx context.Context, container string, paths ...string) tool.Files {
	GinkgoHelper()
	var there []string
	for _, path := range paths {
		there = append(there, rootfs+path)
	}
	files := tool.Files{}
	for path, f := range r.files(ctx, container, there...) {
		files[strings.TrimPrefix(path, rootfs)] = f
	}
	return files
}

// runs tells whether a container does, by a command in it.
func (r *inside) runs(ctx context.Context, container string) (bool, error) {
	_, err := r.try(ctx, container, nil, tool.Path, "exit", "0")
	if errors.Is(err, exec.ErrNotRunning) {
		return false, nil
	}
	return err == nil, err
}

// awaitRunning waits until commands can be run in containers.
func (r *inside) awaitRunning(ctx context.Context, containers ...string) {
	GinkgoHelper()
	for _, c := range containers {
		eventually(ctx, func(ctx context.Context) (bool, error) { return r.runs(ctx, c) }).Should(BeTrue(), "container %s runs", c)
	}
}
