package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxSize is the size, in bytes, that a manifest may have.
const MaxSize = 4 << 20

// SchemaError says that a manifest was made by a newer tool.
type SchemaError struct{ Found int }

// Error names both versions.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("schema %d: this program reads schema %d only; the manifest is of another release of tufrepo", e.Found, Schema)
}

// Parse reads a manifest. Unknown and repeated keys, trailing data, and
// values out of bounds are errors; another schema is a *SchemaError.
func Parse(data []byte) (*Manifest, error) {
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	return m, nil
}

func parse(data []byte) (*Manifest, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%d bytes are more than %d", len(data), MaxSize)
	}
	if err := checkKeys(data); err != nil {
		return nil, err
	}
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	if head.Schema != Schema {
		return nil, &SchemaError{head.Schema}
	}
	m := &Manifest{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// maxDepth is one more than the format needs.
const maxDepth = 6

// checkKeys finds what encoding/json lets pass: repeated keys, keys in
// another case, and data after the document.
func checkKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the document")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth >= maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	keys := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			if err := checkKey(dec, keys); err != nil {
				return err
			}
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return nil
}

func checkKey(dec *json.Decoder, seen map[string]bool) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	key, _ := token.(string)
	for _, c := range key {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return fmt.Errorf("unknown key %q", key)
		}
	}
	if seen[key] {
		return fmt.Errorf("key %q is there twice", key)
	}
	seen[key] = true
	return nil
}
