package multicall

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRun(t *testing.T) {
	type result struct {
		Code     int
		Got      []string // what the command was called with
		Out, Err string
	}
	help := "Usage: slipway COMMAND [ARGUMENTS]\n\n" +
		"Commands (each also works as a link of that name to this binary):\n" +
		"  echo   says its arguments\n  fails  returns its error\n"
	for _, tc := range []struct {
		name string
		args []string
		fail error
		want result
	}{
		{name: "by link", args: []string{"/usr/bin/echo", "a"}, want: result{Got: []string{"a"}}},
		{name: "by argument", args: []string{"slipway", "echo", "a"}, want: result{Got: []string{"a"}}},
		{name: "link wins", args: []string{"echo", "fails"}, want: result{Got: []string{"fails"}}},
		{name: "help", args: []string{"slipway", "--help"}, want: result{Out: help}},
		{name: "nothing", args: []string{"slipway"}, want: result{Code: 2, Err: help}},
		{name: "unknown", args: []string{"slipway", "nosuch"},
			want: result{Code: 2, Err: "slipway: no command \"nosuch\"; see slipway --help\n"}},
		{name: "error", args: []string{"fails"}, fail: errors.New("broken"),
			want: result{Code: 1, Err: "slipway fails: broken\n"}},
		{name: "usage", args: []string{"fails"}, fail: fmt.Errorf("%w: no flag", ErrUsage),
			want: result{Code: 2, Err: "slipway fails: wrong usage: no flag\n"}},
		{name: "silent", args: []string{"fails"}, fail: ErrSilent, want: result{Code: 1}},
		{name: "exit code", args: []string{"fails"}, fail: fmt.Errorf("told: %w", ExitCode(130)), want: result{Code: 130}},
		{name: "command help", args: []string{"fails"}, fail: flag.ErrHelp, want: result{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got result
			var out, errs bytes.Buffer
			table := Table{
				{Name: "echo", Summary: "says its arguments", Run: func(a []string, _, _ io.Writer) error {
					got.Got = a
					return nil
				}},
				{Name: "fails", Summary: "returns its error", Run: func([]string, io.Writer, io.Writer) error {
					return tc.fail
				}},
			}
			got.Code = table.Run(tc.args, &out, &errs)
			got.Out, got.Err = out.String(), errs.String()
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Run(%q) (-want +got):\n%s", strings.Join(tc.args, " "), d)
			}
		})
	}
}

func TestRunWithoutName(t *testing.T) {
	var out, errs bytes.Buffer
	if code := (Table{}).Run(nil, &out, &errs); code != ExitUsage {
		t.Errorf("Run(nil) = %d, want %d", code, ExitUsage)
	}
}
