package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const usage = `usage:
  kconfig merge --out FILE FRAGMENT...
  kconfig check --config FILE FRAGMENT...
`

// errUsage marks a command line that cannot be understood.
var errUsage = errors.New("wrong usage")

// run executes one command line, without the program's name, and returns the
// exit status that the package comment describes.
func run(args []string, stdout, stderr io.Writer) int {
	err := dispatch(args, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "kconfig: %v\n%s", err, usage)
		return 2
	default:
		fmt.Fprintf(stderr, "kconfig: %v\n", err)
		return 1
	}
}

func dispatch(args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: no command", errUsage)
	}
	switch args[0] {
	case "merge":
		return mergeCommand(args[1:], stderr)
	case "check":
		return checkCommand(args[1:], stdout)
	default:
		return fmt.Errorf("%w: no command %q", errUsage, args[0])
	}
}

// mergeCommand writes the joined fragments to --out and reports overrides.
func mergeCommand(args []string, stderr io.Writer) error {
	out, paths, err := parseFlags("merge", "out", args)
	if err != nil {
		return err
	}
	merged, overrides, err := readFragments(paths)
	if err != nil {
		return err
	}
	for _, o := range overrides {
		fmt.Fprintf(stderr, "kconfig: %s\n", o)
	}
	if err := os.WriteFile(out, merged.format(), 0o644); err != nil {
		return fmt.Errorf("writing the joined configuration: %w", err)
	}
	return nil
}

// checkCommand compares --config with the joined fragments.
func checkCommand(args []string, stdout io.Writer) error {
	config, paths, err := parseFlags("check", "config", args)
	if err != nil {
		return err
	}
	want, _, err := readFragments(paths)
	if err != nil {
		return err
	}
	found, err := parseFile(config)
	if err != nil {
		return fmt.Errorf("reading the finished configuration: %w", err)
	}
	if misses := compare(want, found); len(misses) > 0 {
		return &missError{Asked: len(want.options), Config: config, Misses: misses}
	}
	fmt.Fprintf(stdout, "kconfig: all %d options took\n", len(want.options))
	return nil
}

// parseFlags reads one required flag and at least one file name after it.
func parseFlags(command, name string, args []string) (value string, files []string, err error) {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&value, name, "", "")
	if err := fs.Parse(args); err != nil {
		return "", nil, fmt.Errorf("%w: %s: %v", errUsage, command, err)
	}
	if value == "" {
		return "", nil, fmt.Errorf("%w: %s needs --%s FILE", errUsage, command, name)
	}
	if fs.NArg() == 0 {
		return "", nil, fmt.Errorf("%w: %s needs at least one fragment", errUsage, command)
	}
	return value, fs.Args(), nil
}

// readFragments reads and joins the fragments. All malformed lines of all
// files are in the one error.
func readFragments(paths []string) (*fragment, []override, error) {
	var (
		fragments []*fragment
		errs      []error
	)
	for _, path := range paths {
		f, err := parseFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fragments = append(fragments, f)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, fmt.Errorf("reading fragments:\n%w", err)
	}
	merged, overrides := merge(fragments)
	return merged, overrides, nil
}
