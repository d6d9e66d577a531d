package settings

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Window is a span of time that comes back: "HH:MM-HH:MM" each day, or days
// before it, "Mon,Wed 22:00-02:00", "Sat-Sun 02:00-04:30". Times are UTC. A
// window over midnight counts by the day on which it begins.
type Window string

const (
	windowDay  = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun)`
	windowDays = windowDay + `(-` + windowDay + `)?`
	windowTime = `([01][0-9]|2[0-3]):[0-5][0-9]`

	windowPattern = `^(` + windowDays + `(,` + windowDays + `){0,6} )?` + windowTime + `-` + windowTime + `$`
)

// Rule says what a Window takes.
func (Window) Rule() Rule {
	return Rule{
		Expected:  "a window of time such as 02:00-04:30 or Sat-Sun 02:00-04:30",
		Pattern:   windowPattern,
		MinLength: 11, MaxLength: 64,
		Check: func(s string) error {
			if _, err := Window(s).parse(); err != nil {
				return err
			}
			return nil
		},
	}
}

// Contains reports whether a time is in the window. An invalid window has none.
func (w Window) Contains(t time.Time) bool {
	p, err := w.parse()
	if err != nil {
		return false
	}
	t = t.UTC()
	minute, today := t.Hour()*60+t.Minute(), int(t.Weekday())
	if p.from < p.to {
		return p.days[today] && p.from <= minute && minute < p.to
	}
	yesterday := (today + 6) % 7
	return p.days[today] && minute >= p.from || p.days[yesterday] && minute < p.to
}

// span is a parsed Window, in minutes of a day.
type span struct {
	days     [7]bool // by time.Weekday
	from, to int
}

func (w Window) parse() (span, error) {
	var s span
	if !pattern(windowPattern).MatchString(string(w)) {
		return s, errors.New("is not of the right form")
	}
	days, times, found := strings.Cut(string(w), " ")
	if !found {
		days, times = "Sun-Sat", string(w)
	}
	var h1, m1, h2, m2 int
	if _, err := fmt.Sscanf(times, "%2d:%2d-%2d:%2d", &h1, &m1, &h2, &m2); err != nil {
		return s, errors.New("is not of the right form")
	}
	if s.from, s.to = h1*60+m1, h2*60+m2; s.from == s.to {
		return s, errors.New("is empty: it begins and ends at the same time")
	}
	for _, part := range strings.Split(days, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		for d := weekday(first); ; d = (d + 1) % 7 {
			s.days[d] = true
			if d == weekday(last) {
				break
			}
		}
	}
	return s, nil
}

// weekday is the time.Weekday of its three first letters, which windowPattern
// has made sure of.
func weekday(name string) int {
	d := time.Sunday
	for d < time.Saturday && d.String()[:3] != name {
		d++
	}
	return int(d)
}
