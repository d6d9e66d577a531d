package tool

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A guest cannot be connected to, so a container connects to the suite's gate
// and keeps connections parked there. Over each the gate asks, when it has use
// for one, for an address of the host:
//
//	gate    "unix /run/api.sock\n"
//	tunnel  "ok\n", or "error: TEXT\n"
//
// What follows goes from one end to the other.
const (
	parked  = 4                      // connections that wait for use
	pause   = 500 * time.Millisecond // between two attempts to connect
	okay    = "ok"
	maxLine = 512
)

func tunnel(s Streams, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want ADDRESS, got %q", args)
	}
	end := terminated()
	fmt.Fprintln(s.Out, "tunnel to", args[0])
	for range parked {
		go func() {
			for {
				if err := park(args[0], pause); err != nil {
					fmt.Fprintln(s.Err, "tunnel:", err)
				}
			}
		}()
	}
	<-end
	return nil
}

// park connects to the gate, waits until the connection is wanted, and has
// another take its place then. It returns an error after a pause.
func park(gate string, pause time.Duration) error {
	conn, err := net.Dial("tcp", gate)
	if err != nil {
		time.Sleep(pause)
		return err
	}
	wish, err := readLine(conn)
	if err != nil {
		conn.Close()
		time.Sleep(pause)
		return fmt.Errorf("waiting at the gate: %w", err)
	}
	go serve(conn, wish)
	return nil
}

// serve connects the gate with the address that it wishes for.
func serve(gate net.Conn, wish string) {
	defer gate.Close()
	network, address, _ := strings.Cut(wish, " ")
	conn, err := net.Dial(network, address)
	if err != nil {
		fmt.Fprintf(gate, "error: %v\n", err)
		return
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(gate, okay); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(conn, gate) })
	both.Go(func() { pass(gate, conn) })
	both.Wait()
}

// pass copies until from ends, and says so to the other side.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		to.Close()
		from.Close()
	}
}

// readLine reads no further than the line's end.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < maxLine; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
	return "", errors.New("the line does not end")
}
