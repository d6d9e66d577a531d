package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/evidence"
)

// Troubles returns what the console of this boot shows that no healthy boot
// does and the test did not expect.
func (m *Machine) Troubles() []console.Finding { return m.Console.Find(m.from, m.troubles) }

// Expects names the pieces of evidence that Collect must have kept.
func (m *Machine) Expects() []string {
	names := []string{"console.log", "timeline.txt"}
	if m.vm == nil {
		return names
	}
	names = append(names, "qemu.txt")
	if m.vm.Monitor.DoorOpen() {
		names = append(names, "journal.json")
	}
	return names
}

// Collect keeps the machine's evidence. What cannot be had is noted in the
// timeline and, if it should have been there, returned.
func (m *Machine) Collect(ctx context.Context, to evidence.Folder, failed bool) error {
	var problems []error
	if to.Dir != m.folder.Dir {
		data, err := os.ReadFile(m.folder.Path("console.log"))
		problems = append(problems, err, to.Write("console.log", data))
	}
	if m.vm != nil {
		if failed {
			problems = append(problems, m.collectScreen(ctx, to))
		}
		problems = append(problems,
			m.collectJournal(ctx, to),
			to.Write("qemu.txt", []byte(quote(m.vm.Command)+"\n")))
	}
	problems = append(problems, to.Write("timeline.txt", []byte(m.Timeline.String())))
	return errors.Join(problems...)
}

// collectJournal keeps the journal of this boot, if the guest's side of the
// door is open; it is not if the boot failed early or the test wants it so.
func (m *Machine) collectJournal(ctx context.Context, to evidence.Folder) error {
	if !m.vm.Monitor.DoorOpen() {
		m.Timeline.Add("no journal: the guest's side of the API door is shut")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.Patience(10*time.Second))
	defer cancel()
	ctx, release := m.vm.Bind(ctx)
	defer release()
	data, err := m.API.Journal(ctx, 0)
	if err != nil {
		m.Timeline.Add("no journal: %v", err)
		return fmt.Errorf("collecting the journal: %w", err)
	}
	return to.Write("journal.json", data)
}

// collectScreen keeps what shows where a machine hangs.
func (m *Machine) collectScreen(ctx context.Context, to evidence.Folder) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ctx, release := m.vm.Bind(ctx)
	defer release()
	registers, err := m.vm.Monitor.Registers(ctx)
	return errors.Join(err,
		to.Write("registers.txt", []byte(registers)),
		m.vm.Monitor.Screenshot(ctx, to.Path("screen.png")))
}

// quote makes a command line that a shell takes.
func quote(args []string) string {
	var out []string
	for _, a := range args {
		if strings.ContainsAny(a, " \t\n'\"$\\;&|<>()*?") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}
