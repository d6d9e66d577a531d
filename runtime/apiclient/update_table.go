package apiclient

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/slipway-os/slipway/runtime/api"
)

// tableUpdate is a status for people: what is not there has no line.
func tableUpdate(w io.Writer, st api.UpdateStatus) error {
	rows := [][2]string{{"State", printable(string(st.UpdateState))}}
	add := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, printable(fmt.Sprintf(format, args...))})
	}
	if p := st.ActivePartition; p != nil {
		add("Running", "%s%s", partition(p), map[string]string{"trial": ", on trial"}[st.Boot])
	}
	if p := st.StagingPartition; p != nil {
		add("Prepared", "%s", partition(p))
	}
	if v := st.ChosenUpdate; v != nil {
		add("Update", "%s", v.Version)
	}
	if v := st.Rollback; v != nil {
		add("Rollback", "to %s", v.Version)
	}
	if r := st.Running; r != nil {
		add("Command", "%s, %s", r.Type, step(r.Progress))
	} else if c := st.MostRecentCommand; c != nil {
		add("Command", "%s: %s at %s", c.Type, c.Status, c.Timestamp.Format(time.RFC3339))
		if c.Stderr != nil && *c.Stderr != "" {
			add("Error", "%s", *c.Stderr)
		}
	}
	for _, h := range st.Held {
		add("Held", "%s", h.Message)
	}
	if st.Waiting != "" {
		add("Waits for", "%s", st.Waiting)
	}
	if f := st.Fallback; f != nil {
		add("Fell back", "from %s at %s: %s", f.Version, f.Time.Format(time.RFC3339), f.Reason)
	}
	for _, f := range st.Failed {
		add("Refused", "%s failed at %s: %s", f.Version, f.Time.Format(time.RFC3339), f.Reason)
	}
	if k := st.Checked; k != nil && !k.Good.IsZero() {
		add("Checked", "%s", k.Good.Format(time.RFC3339))
	}
	add("Strategy", "%s", st.Strategy)
	if st.Problem != "" {
		add("Problem", "%s", st.Problem)
	}
	return table(w, rows)
}

func partition(p *api.UpdatePartition) string {
	s := fmt.Sprintf("%s in slot %s", p.Image.Version, p.Slot)
	if p.NextToBoot {
		s += ", boots next"
	}
	return s
}

// step is how far a prepare is, in a few words.
func step(p *api.UpdateProgress) string {
	switch {
	case p == nil:
		return "under way"
	case p.Step == api.StepBlocks && p.Blocks > 0:
		return fmt.Sprintf("%s: %d %% in place, %s of %s fetched", p.Version, percent(p), size(uint64(p.Bytes)), size(uint64(p.BytesTotal)))
	}
	return p.Version + ": " + p.Step
}

func percent(p *api.UpdateProgress) int { return 100 * p.BlocksDone / max(p.Blocks, 1) }

// meter shows a running command: a line that moves at a terminal, else a line
// for each step and each quarter of the blocks.
type meter struct {
	w      io.Writer
	moving bool
	last   string
	shown  bool
}

func (t *tool) meter() *meter { return &meter{w: t.err, moving: terminal(t.err)} }

// terminal says whether somebody watches what is written there.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// barWidth is that of the bar, in characters.
const barWidth = 30

func (m *meter) show(r *api.UpdateRunning) {
	p := r.Progress
	line := r.Type + ": " + printable(step(p))
	if !m.moving {
		key := r.Type
		if p != nil {
			key = fmt.Sprint(p.Step, percent(p)/25)
		}
		if key != m.last {
			fmt.Fprintln(m.w, line)
		}
		m.last = key
		return
	}
	bar := ""
	if p != nil && p.Blocks > 0 {
		bar = fmt.Sprintf("[%-*.*s] ", barWidth, barWidth*percent(p)/100, barFull)
	}
	fmt.Fprintf(m.w, "\r%s%s\x1b[K", bar, line)
	m.shown = true
}

// barFull is a bar at its end.
const barFull = "##############################"

// end leaves the line.
func (m *meter) end() {
	if m.shown {
		fmt.Fprintln(m.w)
	}
}
