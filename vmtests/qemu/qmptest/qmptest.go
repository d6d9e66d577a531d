// Package qmptest is a monitor socket without a QEMU behind it.
package qmptest

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// A Server answers one client the way QEMU's monitor does (QEMU's
// docs/interop/qmp-spec, sections 2.2 to 2.5).
type Server struct {
	// Do carries out a command and returns its result, which is encoded as
	// JSON. An error is sent as a GenericError.
	Do func(command string, arguments map[string]any) (any, error)
	// Negotiated, if not nil, is called when the client may send commands.
	Negotiated func()

	mu  sync.Mutex
	out *json.Encoder
}

// Serve greets and then answers until conn ends.
func (s *Server) Serve(conn io.ReadWriter) error {
	s.mu.Lock()
	s.out = json.NewEncoder(conn)
	s.mu.Unlock()
	greeting := `{"QMP":{"version":{"qemu":{"major":10,"minor":0,"micro":13},"package":"fake"},"capabilities":["oob"]}}`
	if err := s.send(json.RawMessage(greeting)); err != nil {
		return err
	}
	in := json.NewDecoder(conn)
	for negotiated := false; ; {
		var request struct {
			Execute   string         `json:"execute"`
			Arguments map[string]any `json:"arguments"`
		}
		if err := in.Decode(&request); err != nil {
			return err
		}
		var result any = struct{}{}
		var err error
		switch {
		case request.Execute == "qmp_capabilities":
			negotiated = true
		case !negotiated:
			err = fmt.Errorf("Expecting capabilities negotiation with 'qmp_capabilities'")
		default:
			result, err = s.Do(request.Execute, request.Arguments)
		}
		if err := s.answer(result, err); err != nil {
			return err
		}
		if request.Execute == "qmp_capabilities" && s.Negotiated != nil {
			s.Negotiated()
		}
	}
}

func (s *Server) answer(result any, err error) error {
	if err != nil {
		return s.send(map[string]any{"error": map[string]string{"class": "GenericError", "desc": err.Error()}})
	}
	return s.send(map[string]any{"return": result})
}

// Emit sends an event.
func (s *Server) Emit(name string, data map[string]any) error {
	return s.send(map[string]any{
		"event": name, "data": data,
		"timestamp": map[string]int64{"seconds": 1, "microseconds": 2},
	})
}

func (s *Server) send(message any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Encode(message)
}
