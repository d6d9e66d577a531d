package server

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a query.
const (
	maxLines = 1_000_000
	maxUnits = 32
)

// journalParams are what a client may ask of the journal. grep is not among
// them: it would let a client's pattern run for as long as it likes.
var journalParams = []Param{
	{Name: "boot", Type: "string", Doc: "0 (this boot, the default), -1 (the one before), … or a boot ID"},
	{Name: "follow", Type: "boolean", Doc: "true: go on with what comes"},
	{Name: "lines", Type: "integer", Doc: "only so many of the last"},
	{Name: "unit", Type: "string", List: true, Doc: "only of these units"},
	{Name: "priority", Type: "string", Doc: "only of this priority or a graver one: 0 to 7, or emerg to debug"},
	{Name: "since", Type: "string", Doc: "only from then on: a time as in RFC 3339, or a duration before now such as 1h30m"},
	{Name: "until", Type: "string", Doc: "only up to then, as since"},
	{Name: "kernel", Type: "boolean", Doc: "true: only of the kernel"},
}

// A journalQuery is what a client asks of the journal.
type journalQuery struct {
	boot         string
	follow       bool
	lines        int // -1: all
	units        []string
	priority     string
	since, until time.Time
	kernel       bool
}

// args are journalctl's.
func (q journalQuery) args() []string {
	args := []string{"--output=json", "--no-pager", "--quiet", "--boot=" + q.boot}
	if q.lines >= 0 {
		args = append(args, "--lines="+strconv.Itoa(q.lines))
	} else if q.follow {
		args = append(args, "--no-tail")
	}
	if q.follow {
		args = append(args, "--follow")
	}
	for _, u := range q.units {
		args = append(args, "--unit="+u)
	}
	if q.priority != "" {
		args = append(args, "--priority="+q.priority)
	}
	if !q.since.IsZero() {
		args = append(args, "--since="+stamp(q.since))
	}
	if !q.until.IsZero() {
		args = append(args, "--until="+stamp(q.until))
	}
	if q.kernel {
		args = append(args, "--dmesg")
	}
	return args
}

// stamp is a time as systemd.time(7) reads it in any zone.
func stamp(t time.Time) string { return fmt.Sprintf("@%d.%06d", t.Unix(), t.Nanosecond()/1000) }

func parseJournalQuery(values url.Values, now time.Time) (journalQuery, error) {
	q := journalQuery{boot: "0", lines: -1}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := q.set(key, values.Get(key), now); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *journalQuery) set(key, value string, now time.Time) (err error) {
	switch key {
	case "boot":
		q.boot, err = parseBoot(value)
	case "follow":
		q.follow, err = parseFlag(key, value)
	case "kernel":
		q.kernel, err = parseFlag(key, value)
	case "lines":
		if q.lines, err = strconv.Atoi(value); err != nil || q.lines < 0 || q.lines > maxLines {
			return problem(http.StatusBadRequest, key, "%q is no number from 0 to %d", shorten(value), maxLines)
		}
	case "unit":
		q.units, err = parseUnits(value)
	case "priority":
		if !slices.Contains(priorities, value) {
			return problem(http.StatusBadRequest, key, "%q is neither a number from 0 to 7 nor emerg, alert, crit, err, warning, notice, info, debug", shorten(value))
		}
		q.priority = value
	case "since":
		q.since, err = parseTime(key, value, now)
	case "until":
		q.until, err = parseTime(key, value, now)
	}
	return err
}

var (
	bootIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	unitForm   = regexp.MustCompile(`^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,254}$`)
	priorities = []string{
		"0", "1", "2", "3", "4", "5", "6", "7",
		"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
	}
)

// parseBoot refuses positive numbers: they count from the oldest journal, which
// is removed one day.
func parseBoot(value string) (string, error) {
	n, err := strconv.Atoi(value)
	switch {
	case err == nil && -1000 <= n && n <= 0:
		return strconv.Itoa(n), nil
	case bootIDForm.MatchString(value):
		return value, nil
	}
	return "", problem(http.StatusBadRequest, "boot", "%q is neither 0, -1, … nor a boot ID of 32 hex digits", shorten(value))
}

func parseFlag(key, value string) (bool, error) {
	v, err := strconv.ParseBool(value)
	if err != nil {
		return false, problem(http.StatusBadRequest, key, "%q is neither true nor false", shorten(value))
	}
	return v, nil
}

// parseUnits takes names only, not the patterns that journalctl would take.
func parseUnits(value string) ([]string, error) {
	units := strings.Split(value, ",")
	if len(units) > maxUnits {
		return nil, problem(http.StatusBadRequest, "unit", "names %d units, more than %d", len(units), maxUnits)
	}
	for _, u := range units {
		if !unitForm.MatchString(u) {
			return nil, problem(http.StatusBadRequest, "unit", "%q is not the name of a unit", shorten(u))
		}
	}
	return units, nil
}

func parseTime(key, value string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, value); err == nil && t.Unix() >= 0 {
		return t, nil
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 && now.Add(-d).Unix() >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, problem(http.StatusBadRequest, key, "%q is neither a time such as 2026-01-31T12:00:00Z nor a duration such as 1h30m", shorten(value))
}
