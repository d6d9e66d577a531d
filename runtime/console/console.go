// Package console writes the few lines that the host says on its console.
// Every line starts with "slipway: ", so that people and tests find them.
package console

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Device is where the kernel's console is.
const Device = "/dev/console"

// Printf writes one "slipway: " line to w. Control characters in the message
// are shown as escapes: it may hold text from user data.
func Printf(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "slipway: %s\n", clean(fmt.Sprintf(format, args...)))
}

// Open returns the console device. Where it cannot be opened it returns
// fallback: a host without a console still boots.
func Open(fallback io.Writer) io.Writer {
	f, err := os.OpenFile(Device, os.O_WRONLY|noCTTY, 0)
	if err != nil {
		return fallback
	}
	return f
}

func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f || r == 0xfffd || (r >= 0x80 && r < 0xa0):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
