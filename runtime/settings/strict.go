package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// FlattenJSON reads a nested JSON document as Flatten does. It is strict:
// duplicate keys, more than MaxDepth levels, more than MaxSize bytes, what is
// not UTF-8 and what follows the document are mistakes.
func (s *Schema) FlattenJSON(doc []byte) (Values, error) {
	if len(doc) > MaxSize {
		return Values{}, &Problem{Message: fmt.Sprintf("the document is larger than %d bytes", MaxSize)}
	}
	v, err := decodeStrict(doc)
	if err != nil {
		return Values{}, err
	}
	nested, ok := v.(map[string]any)
	if !ok {
		return Values{}, &Problem{Message: "the document is not an object", Expected: "an object of groups", Found: describe(v)}
	}
	return s.Flatten(nested)
}

// decodeStrict decodes one JSON value: maps, lists, strings, booleans, nil and
// json.Number. Errors are Problems with a line.
func decodeStrict(doc []byte) (any, error) {
	if !utf8.Valid(doc) {
		return nil, &Problem{Message: "the document is not UTF-8 text"}
	}
	d := &strictDecoder{doc: doc, dec: json.NewDecoder(bytes.NewReader(doc))}
	d.dec.UseNumber()
	v, err := d.value(0)
	if err != nil {
		return nil, d.problem(err)
	}
	if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, d.problem(errors.New("something follows the end of the document"))
	}
	return v, nil
}

// maxMembers bounds the values in a document, and so the memory that decoding
// takes: the smallest value is 2 bytes of text and up to 100 of memory.
const maxMembers = 1 << 16

type strictDecoder struct {
	doc     []byte
	dec     *json.Decoder
	members int
}

// problem adds the line to a mistake in the document's form.
func (d *strictDecoder) problem(err error) *Problem {
	var syntax *json.SyntaxError
	offset := d.dec.InputOffset()
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the document ends too early")
	}
	line := 1 + bytes.Count(d.doc[:min(max(offset, 0), int64(len(d.doc)))], []byte("\n"))
	return &Problem{Line: line, Message: "the JSON is not valid: " + err.Error()}
}

func (d *strictDecoder) value(depth int) (any, error) {
	if d.members++; d.members > maxMembers {
		return nil, fmt.Errorf("it has more than %d values", maxMembers)
	}
	token, err := d.dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == MaxDepth {
		return nil, fmt.Errorf("it has more than %d levels", MaxDepth)
	}
	if delim == '[' {
		return d.list(depth)
	}
	return d.object(depth)
}

func (d *strictDecoder) list(depth int) (any, error) {
	list := []any{}
	for d.dec.More() {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.dec.Token()
	return list, err
}

func (d *strictDecoder) object(depth int) (any, error) {
	object := map[string]any{}
	for d.dec.More() {
		token, err := d.dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, errors.New("a name is not a string")
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("the key %s is there twice", shorten(name))
		}
		if object[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.dec.Token()
	return object, err
}

// compact encodes canonically: names in order, no spaces, no escapes for HTML.
// It is for values that came through the schema, which always encode.
func compact(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("settings: encoding %T: %v", v, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
