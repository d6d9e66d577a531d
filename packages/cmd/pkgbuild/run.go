package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/packages/internal/sandbox"
)

// newRun makes the command that runs one SDK program. Inputs and outputs keep
// their host paths inside, so that command lines need no rewriting: the current
// folder is bound at its own path.
func newRun() *cobra.Command {
	var (
		flags           sdkFlags
		binds, writable []string
		devices, env    []string
		network         bool
	)
	c := &cobra.Command{
		Use:   "run [flags] -- PROGRAM [ARGUMENT...]",
		Short: "Run a program of the SDK, with the named host paths bound in",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, err := flags.unpack(cmd.Context())
			if err != nil {
				return err
			}
			cfg := sandbox.Config{
				Root: root, Hostname: "slipway-build", Network: network, Loopback: true,
				Tmpfs: []string{"/work", "/tmp"},
				Env: append([]string{"PATH=/usr/bin:/usr/sbin", "HOME=/tmp", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
					"TZ=UTC", "TERM=" + os.Getenv("TERM")}, env...),
			}
			dir, err := addBinds(&cfg, binds, writable, devices)
			if err != nil {
				return err
			}
			cfg.Commands = []sandbox.Command{{Phase: "run", Dir: dir, Args: args}}
			return passStatus(sandbox.Run(cmd.Context(), cfg, sandbox.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	}
	flags.register(c)
	f := c.Flags()
	f.StringArrayVar(&binds, "bind", nil, "HOST:INSIDE path, read-only; INSIDE is below /work")
	f.StringArrayVar(&writable, "bind-rw", nil, "HOST:INSIDE path, writable; INSIDE is below /work")
	f.StringArrayVar(&devices, "device", nil, "device node to bind where the host has it (/dev/kvm)")
	f.StringArrayVar(&env, "env", nil, "KEY=VALUE for the program")
	f.BoolVar(&network, "network", false, "keep the host's network")
	return c
}

// passStatus ends this process with the program's own status, so that callers
// see what the program said.
func passStatus(err error) error {
	var exit *sandbox.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.Code)
	}
	return err
}

func addBinds(cfg *sandbox.Config, binds, writable, devices []string) (dir string, err error) {
	for i, list := range [][]string{binds, writable} {
		for _, b := range list {
			host, inside, ok := strings.Cut(b, ":")
			if !ok || !strings.HasPrefix(inside, "/work") && !strings.HasPrefix(inside, "/tools") {
				return "", fmt.Errorf("bind %q: want HOST:/work/…", b)
			}
			if host, err = filepath.Abs(host); err == nil {
				host, err = filepath.EvalSymlinks(host)
			}
			if err != nil {
				return "", fmt.Errorf("bind %q: %w", b, err)
			}
			cfg.Binds = append(cfg.Binds, sandbox.Bind{Source: host, Target: inside, Writable: i == 1})
		}
	}
	for _, d := range devices {
		if _, err := os.Stat(d); err == nil {
			cfg.Binds = append(cfg.Binds, sandbox.Bind{Source: d, Target: d, Device: true})
		}
	}
	return "/work", nil
}
