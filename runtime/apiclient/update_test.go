package apiclient

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
)

func at(minute int) time.Time { return time.Date(2026, 11, 28, 12, minute, 0, 0, time.UTC) }

func result(command, status, stderr string, minute int) *api.UpdateCommandResult {
	return &api.UpdateCommandResult{Type: command, Status: status, Stderr: &stderr, Timestamp: at(minute)}
}

// updater answers status requests with one document after the other, the last
// one for ever.
func updater(t *testing.T, post func(http.ResponseWriter), path string, answers ...api.UpdateStatus) string {
	t.Helper()
	n := 0
	return serve(t, map[string]func(http.ResponseWriter){
		"GET " + api.PathUpdatesStatus: func(w http.ResponseWriter) {
			st := answers[min(n, len(answers)-1)]
			n++
			b, err := json.Marshal(st)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Write(b)
		},
		"POST " + path: post,
	})
}

func accept(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func run(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	err = Main(args, &out, &errs)
	return out.String(), errs.String(), err
}

// The end of a command is told by the time of its result, whatever was before.
func TestUpdateCheckWaits(t *testing.T) {
	old := result(api.UpdateRefresh, api.UpdateFailed, "offline", 0)
	socket := updater(t, accept, api.PathRefreshUpdates,
		api.UpdateStatus{MostRecentCommand: old},
		api.UpdateStatus{MostRecentCommand: old, Running: &api.UpdateRunning{Type: api.UpdateRefresh}},
		api.UpdateStatus{UpdateState: api.UpdateAvailable, ChosenUpdate: &api.UpdateImage{Version: "1.1.0"}, MostRecentCommand: result(api.UpdateRefresh, api.UpdateSuccess, "", 1)})
	out, errs, err := run("--socket", socket, "update", "check")
	if err != nil || !strings.Contains(out, "Update    1.1.0\n") || errs != "refresh: under way\n" {
		t.Errorf("prints %q and %q, %v", out, errs, err)
	}
}

func TestUpdateCheckFails(t *testing.T) {
	socket := updater(t, accept, api.PathRefreshUpdates, api.UpdateStatus{},
		api.UpdateStatus{MostRecentCommand: result(api.UpdateRefresh, api.UpdateFailed, "timestamp.json is expired\n", 1)})
	if _, _, err := run("--socket", socket, "update", "check"); err == nil || err.Error() != "refresh failed: timestamp.json is expired" {
		t.Errorf("error is %v", err)
	}
}

// Of blocks, each quarter has a line.
func TestUpdateProgressInLines(t *testing.T) {
	var out bytes.Buffer
	m := &meter{w: &out}
	for done := 0; done <= 1000; done += 10 {
		m.show(&api.UpdateRunning{Type: "prepare", Progress: &api.UpdateProgress{
			Version: "1.1.0", Step: api.StepBlocks, Blocks: 1000, BlocksDone: done, Bytes: int64(done) << 10, BytesTotal: 2000 << 10}})
	}
	m.show(&api.UpdateRunning{Type: "prepare", Progress: &api.UpdateProgress{Version: "1.1.0", Step: api.StepReadingBack, Blocks: 1000, BlocksDone: 1000}})
	m.end()
	want := "prepare: 1.1.0: 0 % in place, 0 B of 1.95 MiB fetched\n" +
		"prepare: 1.1.0: 25 % in place, 250 KiB of 1.95 MiB fetched\n" +
		"prepare: 1.1.0: 50 % in place, 500 KiB of 1.95 MiB fetched\n" +
		"prepare: 1.1.0: 75 % in place, 750 KiB of 1.95 MiB fetched\n" +
		"prepare: 1.1.0: 100 % in place, 0.98 MiB of 1.95 MiB fetched\n" +
		"prepare: 1.1.0: reading back\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestUpdateProgressAtATerminal(t *testing.T) {
	var out bytes.Buffer
	m := &meter{w: &out, moving: true}
	m.show(&api.UpdateRunning{Type: "prepare", Progress: &api.UpdateProgress{Version: "1\x1b[2J", Step: api.StepBlocks, Blocks: 10, BlocksDone: 5}})
	m.end()
	want := "\r[" + strings.Repeat("#", 15) + strings.Repeat(" ", 15) + "] prepare: 1?[2J: 50 % in place, 0 B of 0 B fetched\x1b[K\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("bar (-want +got):\n%s", d)
	}
}

func TestUpdateTable(t *testing.T) {
	image := func(v string) api.UpdateImage { return api.UpdateImage{Version: v} }
	other := image("0.9.0")
	var out bytes.Buffer
	err := tableUpdate(&out, api.UpdateStatus{
		UpdateState: api.UpdateIdle, Boot: "trial", Strategy: "window", Problem: "offline: no route\nto host",
		ActivePartition: &api.UpdatePartition{Image: image("1.0.0"), Slot: "A", NextToBoot: true}, Rollback: &other,
		MostRecentCommand: result("prepare", api.UpdateFailed, "no room", 2),
		Held:              []api.UpdateHeld{{Message: "1.2.0 is paused"}}, Waiting: "the window Sat 02:00-03:00 (UTC)",
		Fallback: &api.UpdateFailure{Version: "1.1.0", Reason: "tried 3 times", Time: at(1)},
		Failed:   []api.UpdateFailure{{Version: "1.1.0", Reason: "tried 3 times", Time: at(1)}},
		Checked:  &api.UpdateChecked{Good: at(0)},
	})
	want := `State      Idle
Running    1.0.0 in slot A, boots next, on trial
Rollback   to 0.9.0
Command    prepare: Failed at 2026-11-28T12:02:00Z
Error      no room
Held       1.2.0 is paused
Waits for  the window Sat 02:00-03:00 (UTC)
Fell back  from 1.1.0 at 2026-11-28T12:01:00Z: tried 3 times
Refused    1.1.0 failed at 2026-11-28T12:01:00Z: tried 3 times
Checked    2026-11-28T12:00:00Z
Strategy   window
Problem    offline: no route to host
`
	if d := cmp.Diff(want, out.String()); d != "" || err != nil {
		t.Errorf("table (-want +got):\n%s%v", d, err)
	}
}
