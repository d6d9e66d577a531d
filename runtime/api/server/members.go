package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/userdata/metadataboot"
)

// path is where a file of the host is.
func (s *Server) path(p string) string { return filepath.Join(s.Host.Root, p) }

// members lists what a support bundle has. The network is seen through process
// 1, since the daemon's own has none.
func (s *Server) members() []member {
	list := []member{
		document("os.json", func(context.Context) (any, error) { return s.os(), nil }),
		document("health.json", func(ctx context.Context) (any, error) { return s.Monitor.Health(ctx), nil }),
		document("settings.json", func(context.Context) (any, error) { return s.publicSettings() }),
		document("audit.json", func(context.Context) (any, error) { return s.auditPage(0, maxRecords) }),
		{name: "processes.txt", data: func(context.Context) ([]byte, error) { return s.processes() }},
		output("units.txt", s.Units, "list-units", "--all", "--no-pager", "--plain", "--full"),
		output("failed.txt", s.Units, "status", "--failed", "--no-pager", "--full", "--lines=50"),
		output("journal.txt", s.Journal, "--output=short-iso-precise", "--no-pager", "--quiet", "--boot=0", "--lines="+bundleLines),
		output("journal-before.txt", s.Journal, "--output=short-iso-precise", "--no-pager", "--quiet", "--boot=-1", "--lines="+bundleLines),
		output("kernel.txt", s.Journal, "--output=short-monotonic", "--no-pager", "--quiet", "--boot=0", "--dmesg", "--lines="+bundleLines),
	}
	for _, f := range [][2]string{
		{"boot-record.json", bootrecord.Path},
		{"boot-checks.json", health.ReportPath},
		{"boot-settings.json", config.ReportPath},
		{"os-release", "/usr/lib/os-release"},
		{"cmdline", "/proc/cmdline"},
		{"mounts", "/proc/1/mountinfo"},
		{"memory", "/proc/meminfo"},
		{"pressure-cpu", "/proc/pressure/cpu"},
		{"pressure-memory", "/proc/pressure/memory"},
		{"pressure-io", "/proc/pressure/io"},
		{"network/dev", "/proc/1/net/dev"},
		{"network/route", "/proc/1/net/route"},
		{"network/fib_trie", "/proc/1/net/fib_trie"},
		{"network/ipv6_route", "/proc/1/net/ipv6_route"},
		{"network/if_inet6", "/proc/1/net/if_inet6"},
		{"network/arp", "/proc/1/net/arp"},
		{"network/tcp", "/proc/1/net/tcp"},
		{"network/resolv.conf", "/etc/resolv.conf"},
		{"network/state", "/run/systemd/netif/state"},
	} {
		list = append(list, s.file(f[0], f[1]))
	}
	if _, err := os.Stat(s.path(metadataboot.Outcome)); err == nil { // only in a cloud
		list = append(list, s.file("boot-metadata.json", metadataboot.Outcome))
	}
	return list
}

// publicSettings are the settings in force and where they came from, without
// secrets, whoever asks: bundles are sent around.
func (s *Server) publicSettings() (any, error) {
	m, err := s.manager()
	if err != nil {
		return nil, err
	}
	live := m.Store.Live()
	shown := make(store.State, len(live))
	for key, value := range m.Schema.Redact(live.Values()) {
		e := live[key]
		e.Value = value
		shown[fullKey(key)] = e
	}
	return shown, nil
}

// processes lists what runs and its memory, in kB.
func (s *Server) processes() ([]byte, error) {
	dirs, err := filepath.Glob(s.path("/proc/[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PID\tNAME\tSTATE\tUID\tRSS kB\tTHREADS")
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue // it has ended since
		}
		f := statusFields(string(text))
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", filepath.Base(dir), f["Name"], f["State"], f["Uid"], f["VmRSS"], f["Threads"])
	}
	err = tw.Flush()
	return b.Bytes(), err
}

// statusFields are the first words of the lines of /proc/PID/status.
func statusFields(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		if words := strings.Fields(rest); len(words) > 0 {
			fields[name] = words[0]
		}
	}
	return fields
}
