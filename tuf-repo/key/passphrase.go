package key

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Variable is the environment's variable that a passphrase may be in.
const Variable = "SLIPWAY_KEY_PASSPHRASE"

// Passphrases returns a function that finds the passphrase of a key: in the
// file, if one is named (its first line), else in the environment, else it
// asks at the terminal; confirm asks twice, for new keys.
func Passphrases(file string, confirm bool, terminal *os.File, w io.Writer) func(name string) (string, error) {
	return func(name string) (string, error) {
		if file != "" {
			data, err := readSmall(file)
			if err != nil {
				return "", fmt.Errorf("reading the passphrase: %w", err)
			}
			line, _, _ := strings.Cut(string(data), "\n")
			return notEmpty(strings.TrimSuffix(line, "\r"), file)
		}
		if s, ok := os.LookupEnv(Variable); ok {
			return notEmpty(s, Variable)
		}
		if terminal == nil || !term.IsTerminal(int(terminal.Fd())) {
			return "", fmt.Errorf("key %q needs a passphrase: set %s, name a file with --passphrase-file, or run this at a terminal", name, Variable)
		}
		return ask(name, confirm, terminal, w)
	}
}

func notEmpty(s, where string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("the passphrase in %s is empty", where)
	}
	return s, nil
}

func ask(name string, confirm bool, terminal *os.File, w io.Writer) (string, error) {
	first, err := prompt("Passphrase of key "+name+": ", terminal, w)
	if err != nil || !confirm {
		return first, err
	}
	second, err := prompt("Again: ", terminal, w)
	if err == nil && first != second {
		err = errors.New("the passphrases differ")
	}
	return first, err
}

func prompt(text string, terminal *os.File, w io.Writer) (string, error) {
	fmt.Fprint(w, text)
	secret, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(w)
	if err != nil {
		return "", fmt.Errorf("reading the passphrase: %w", err)
	}
	return notEmpty(string(secret), "the answer")
}
