// Package sandbox runs commands in a root of their own: new user, mount, PID,
// network, IPC and UTS namespaces, a read-only root directory, and nothing of
// the host but what is bound in by name.
//
// It needs no privilege where the kernel lets ordinary users create user
// namespaces (user_namespaces(7)); as root it works the same way.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// initArg is the argument that marks the re-executed process. It is not a
// user-visible command.
const initArg = "sandbox-init"

// Bind makes one host path visible at Target.
type Bind struct {
	Source   string // absolute host path, file or directory
	Target   string // absolute path in the sandbox
	Writable bool
	Device   bool // keep device nodes usable (KVM, tun)
}

// Command is one program to run; the first that fails ends the run.
type Command struct {
	Phase string   // what the command is part of, for messages ("configure")
	Dir   string   // working directory in the sandbox
	Args  []string // program and arguments, looked up in Env's PATH
	Env   []string // KEY=VALUE, added to Config.Env
}

// Config describes one run.
type Config struct {
	Root     string    // directory that becomes /, mounted read-only
	Binds    []Bind    // in order; targets must exist in Root or below a Tmpfs
	Tmpfs    []string  // empty writable mounts
	Hostname string    // UTS host name
	Network  bool      // keep the caller's network namespace
	Loopback bool      // bring lo up in the private network namespace
	UID      int       // user (and group) that commands run as inside
	Env      []string  // the whole environment of each command
	Commands []Command // run in order
}

// ExitError says which command failed and how.
type ExitError struct {
	Phase string
	Args  []string
	Code  int
}

func (e *ExitError) Error() string {
	line := strings.Join(e.Args, " ")
	if len(line) > 200 {
		line = line[:200] + " …"
	}
	return fmt.Sprintf("phase %s: %s: exit status %d", e.Phase, line, e.Code)
}

// result is what the init process reports on its pipe.
type result struct {
	Error string   `json:"error,omitempty"`
	Phase string   `json:"phase,omitempty"`
	Args  []string `json:"args,omitempty"`
	Code  int      `json:"code,omitempty"`
}

// Streams are the standard streams of the commands. A nil stream is /dev/null.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs cfg's commands and waits for them. When ctx ends, every process of
// the sandbox is killed. The error is an *ExitError when a command failed.
func Run(ctx context.Context, cfg Config, s Streams) error {
	configRead, configWrite, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("creating configuration pipe: %w", err)
	}
	defer configWrite.Close()
	resultRead, resultWrite, err := os.Pipe()
	if err != nil {
		configRead.Close()
		return fmt.Errorf("creating result pipe: %w", err)
	}
	defer resultRead.Close()

	cmd := exec.CommandContext(ctx, "/proc/self/exe", initArg)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.In, s.Out, s.Err
	cmd.ExtraFiles = []*os.File{configRead, resultWrite}
	cmd.Env = []string{}
	cmd.SysProcAttr = namespaces(cfg)
	err = cmd.Start()
	configRead.Close()
	resultWrite.Close()
	if err != nil {
		return explainStart(err)
	}
	if err := json.NewEncoder(configWrite).Encode(cfg); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("sending configuration to the sandbox: %w", err)
	}
	configWrite.Close()
	var r result
	decodeErr := json.NewDecoder(resultRead).Decode(&r)
	waitErr := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case decodeErr != nil:
		return fmt.Errorf("sandbox ended without a result: %w", errors.Join(waitErr, decodeErr))
	case r.Error != "":
		return errors.New("setting up the sandbox: " + r.Error)
	case r.Code != 0:
		return &ExitError{Phase: r.Phase, Args: r.Args, Code: r.Code}
	}
	return waitErr
}

func namespaces(cfg Config) *syscall.SysProcAttr {
	flags := syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID |
		syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	if !cfg.Network {
		flags |= syscall.CLONE_NEWNET
	}
	return &syscall.SysProcAttr{
		Cloneflags:  uintptr(flags),
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
}

func explainStart(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("creating namespaces: %w: this kernel does not let this user make user namespaces; "+
			"look at the sysctls user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns", err)
	}
	return fmt.Errorf("creating namespaces: %w", err)
}
