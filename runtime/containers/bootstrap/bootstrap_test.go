package bootstrap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/settings"
)

type boot = map[settings.Identifier]settings.BootstrapContainer

func yes() *bool { v := true; return &v }

// sequence returns one that notes what it does in events; what fails is named.
func noted(c containers.Config, fails ...string) (s *Sequence, events *[]string, console *bytes.Buffer) {
	events, console = &[]string{}, &bytes.Buffer{}
	do := func(what string) error {
		*events = append(*events, what)
		for _, f := range fails {
			if f == what {
				return errors.New("broken")
			}
		}
		return nil
	}
	return &Sequence{
		Config: c, Log: slog.New(slog.DiscardHandler), Console: console,
		Run:    func(_ context.Context, c containers.Container) error { return do("run " + c.Name) },
		Exec:   func(_ context.Context, command []string) error { return do("exec " + strings.Join(command, " ")) },
		SetOff: func(_ context.Context, group, name string) error { return do(fmt.Sprintf("off %s.%s", group, name)) },
	}, events, console
}

func TestContainers(t *testing.T) {
	const src = "r.invalid/x:1"
	set := boot{
		"b-once": {Source: src, Mode: settings.ModeOnce}, "a-always": {Source: src, Mode: settings.ModeAlways},
		"c-off": {Source: src, Mode: settings.ModeOff}, "d-unset": {Source: src},
		"e-last": {Source: src, Mode: settings.ModeOnce, Essential: yes()},
	}
	tests := []struct {
		name  string
		fails []string
		want  []string
		err   string
	}{
		{"all well", nil, []string{"run a-always", "run b-once", "off bootstrap-containers.b-once", "run e-last", "off bootstrap-containers.e-last"}, ""},
		{"another fails", []string{"run b-once"}, []string{"run a-always", "run b-once", "run e-last", "off bootstrap-containers.e-last"}, ""},
		{"essential fails", []string{"run e-last"}, []string{"run a-always", "run b-once", "off bootstrap-containers.b-once", "run e-last"}, "settings.bootstrap-containers.e-last"},
		{"API fails", []string{"off bootstrap-containers.e-last"}, []string{"run a-always", "run b-once", "off bootstrap-containers.b-once", "run e-last", "off bootstrap-containers.e-last"}, "mode to off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, events, console := noted(containers.Config{BootstrapContainers: set}, tt.fails...)
			err := s.Containers(t.Context())
			if (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Containers() = %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, *events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if says := strings.Contains(console.String(), "slipway: essential bootstrap step failed: settings."); says != (tt.err != "") {
				t.Errorf("the console says %q", console)
			}
		})
	}
}

func TestEssentialStopsTheRest(t *testing.T) {
	set := boot{
		"a": {Source: "", Mode: settings.ModeAlways, Essential: yes()},
		"b": {Source: "r.invalid/x:1", Mode: settings.ModeAlways},
	}
	s, events, _ := noted(containers.Config{BootstrapContainers: set})
	err := s.Containers(t.Context())
	if err == nil || !strings.Contains(err.Error(), "settings.bootstrap-containers.a.source is not set") || len(*events) > 0 {
		t.Errorf("Containers() = %v, events %q", err, *events)
	}
}

func TestCommands(t *testing.T) {
	set := map[settings.Identifier]settings.BootstrapCommand{
		"2": {Mode: settings.ModeAlways, Commands: []settings.Command{{"apiclient", "set", "motd=b"}, {"apiclient", "get", "os"}}},
		"1": {Mode: settings.ModeOnce, Commands: []settings.Command{{"apiclient", "set", "motd=a"}}},
		"3": {Mode: settings.ModeAlways, Essential: yes(), Commands: []settings.Command{{"/bin/sh", "-c", "x"}}},
		"4": {Mode: settings.ModeAlways, Commands: []settings.Command{{"apiclient", "never"}}},
	}
	s, events, _ := noted(containers.Config{BootstrapCommands: set}, "exec apiclient set motd=b")
	err := s.Commands(t.Context())
	if err == nil || !strings.Contains(err.Error(), "settings.bootstrap-commands.3") || !strings.Contains(err.Error(), "apiclient") {
		t.Errorf("Commands() = %v", err)
	}
	want := []string{"exec apiclient set motd=a", "off bootstrap-commands.1", "exec apiclient set motd=b"}
	if diff := cmp.Diff(want, *events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	set := boot{"a": {Source: "r.invalid/x:1", Mode: settings.ModeOnce}, "b": {Source: "r.invalid/x:1", Mode: settings.ModeOnce}}
	s, events, _ := noted(containers.Config{BootstrapContainers: set})
	s.Run = func(context.Context, containers.Container) error { stop(); return errors.New("stopped") }
	if err := s.Containers(ctx); err == nil || len(*events) > 0 {
		t.Errorf("Containers() = %v, events %q", err, *events)
	}
}
