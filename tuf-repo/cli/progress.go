package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// announced is the size, in bytes, from which a copy is worth a line.
const announced = 16 << 20

// progress shows large copies on w: at a terminal a line that moves, else one
// line when a copy begins.
func progress(w io.Writer) func(name string, size int64, r io.Reader) io.Reader {
	f, ok := w.(*os.File)
	moving := ok && term.IsTerminal(int(f.Fd()))
	return func(name string, size int64, r io.Reader) io.Reader {
		if size < announced {
			return r
		}
		if !moving {
			fmt.Fprintf(w, "copying %s (%s)\n", name, bytesText(size))
			return r
		}
		return &meter{w: w, name: name, size: size, r: r}
	}
}

// meter is a reader that shows how far it is.
type meter struct {
	w       io.Writer
	name    string
	size, n int64
	r       io.Reader
	shown   time.Time
	done    bool
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.n += int64(n)
	if m.done {
		return n, err
	}
	if now := time.Now(); m.n >= m.size || now.Sub(m.shown) > 200*time.Millisecond {
		m.shown = now
		fmt.Fprintf(m.w, "\r%s: %s of %s (%d %%) ", m.name, bytesText(m.n), bytesText(m.size), 100*m.n/m.size)
	}
	if m.n >= m.size {
		m.done = true
		fmt.Fprintln(m.w)
	}
	return n, err
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
