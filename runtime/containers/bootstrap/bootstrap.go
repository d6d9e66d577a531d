// Package bootstrap runs bootstrap commands and bootstrap containers: what
// prepares a boot before workloads are started.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"

	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/settings"
)

// A Sequence runs what the settings have, in the order of the names.
type Sequence struct {
	Config containers.Config
	// Run runs a container to its end.
	Run func(ctx context.Context, c containers.Container) error
	// Exec runs a command of the host to its end.
	Exec func(ctx context.Context, command []string) error
	// SetOff sets the mode of GROUP.NAME to off and applies that.
	SetOff func(ctx context.Context, group, name string) error

	Log     *slog.Logger
	Console io.Writer
}

// step is one bootstrap container or one list of bootstrap commands.
type step struct {
	group, name string
	mode        settings.BootstrapMode
	essential   bool
	run         func(ctx context.Context) error
}

func (s step) key() string { return fmt.Sprintf("settings.%s.%s", s.group, s.name) }

// Containers runs the bootstrap containers, see [Sequence.do].
func (s *Sequence) Containers(ctx context.Context) error {
	var steps []step
	for _, id := range slices.Sorted(maps.Keys(s.Config.BootstrapContainers)) {
		b := s.Config.BootstrapContainers[id]
		steps = append(steps, step{
			string(containers.Bootstrap), string(id), b.Mode, settings.Or(b.Essential, false),
			func(ctx context.Context) error {
				c, err := s.Config.BootstrapContainer(string(id))
				if err != nil {
					return err
				}
				return s.Run(ctx, c)
			},
		})
	}
	return s.do(ctx, steps)
}

// Commands runs the bootstrap commands, see [Sequence.do]. In a list, the first
// that fails ends it.
func (s *Sequence) Commands(ctx context.Context) error {
	var steps []step
	for _, id := range slices.Sorted(maps.Keys(s.Config.BootstrapCommands)) {
		b := s.Config.BootstrapCommands[id]
		steps = append(steps, step{
			"bootstrap-commands", string(id), b.Mode, settings.Or(b.Essential, false),
			func(ctx context.Context) error { return s.commands(ctx, b.Commands) },
		})
	}
	return s.do(ctx, steps)
}

// do runs one step after the other. A step in mode once is set off after it has
// succeeded. If an essential one fails, do stops there and returns the error;
// what goes wrong with others is logged.
func (s *Sequence) do(ctx context.Context, steps []step) error {
	for _, st := range steps {
		if st.mode != settings.ModeOnce && st.mode != settings.ModeAlways {
			s.Log.Info("bootstrap step is off", "step", st.key())
			continue
		}
		s.Log.Info("bootstrap step begins", "step", st.key(), "mode", st.mode, "essential", st.essential)
		err := st.run(ctx)
		if err == nil && st.mode == settings.ModeOnce {
			if err = s.SetOff(ctx, st.group, st.name); err != nil {
				err = fmt.Errorf("setting %s.mode to off: %w", st.key(), err)
			}
		}
		switch {
		case err == nil:
			s.Log.Info("bootstrap step is done", "step", st.key())
		case ctx.Err() != nil:
			return fmt.Errorf("%s was stopped: %w", st.key(), err)
		case st.essential:
			console.Printf(s.Console, "essential bootstrap step failed: %s: %v", st.key(), err)
			return fmt.Errorf("%s, which is essential: %w", st.key(), err)
		default:
			s.Log.Warn("bootstrap step failed", "step", st.key(), "error", err)
		}
	}
	return nil
}

// apiclient is the only command that there is.
const apiclient = "apiclient"

func (s *Sequence) commands(ctx context.Context, commands []settings.Command) error {
	for _, c := range commands {
		if len(c) == 0 || c[0] != apiclient {
			return errors.New("a command does not begin with apiclient")
		}
		words := make([]string, len(c))
		for i, word := range c {
			words[i] = string(word)
		}
		if err := s.Exec(ctx, words); err != nil {
			return fmt.Errorf("%q: %w", words, err)
		}
	}
	return nil
}
