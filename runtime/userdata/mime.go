package userdata

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// maxParts bounds how many parts user data have.
const maxParts = 64

// tomlTypes are the media types of parts that are read.
var tomlTypes = []string{
	"text/plain", "text/x-toml", "text/toml", "application/toml", "application/x-toml",
}

// A part is a MIME entity, RFC 2045: the whole user data or one part of them.
type part struct {
	header textproto.MIMEHeader
	body   []byte
	before int // lines of user data before the body
}

// isMIME tells user data that begin with a header. No TOML begins so: a colon
// cannot follow a key.
func isMIME(text []byte) bool {
	name, _, _ := strings.Cut(firstLine(text[:min(len(text), 1024)]), ":")
	return strings.EqualFold(name, "MIME-Version") || strings.EqualFold(name, "Content-Type")
}

// parseMIME reads the parts of a multipart document in their order; later ones
// override earlier ones.
func parseMIME(text []byte, s *settings.Schema, room *int) (*document, error) {
	doc := &document{values: settings.Values{}, lines: lines{}}
	whole, err := readPart(text, 0)
	if err != nil {
		return doc, err
	}
	kind, params, err := whole.mediaType()
	if err != nil {
		return doc, err
	}
	parts := []part{whole}
	if strings.HasPrefix(kind, "multipart/") {
		if parts, err = whole.split(params["boundary"]); err != nil {
			return doc, err
		}
	}
	var errs []error
	for i, p := range parts {
		one, err := p.parse(i+1, s, room)
		if err != nil {
			errs = append(errs, err)
		}
		doc.merge(one)
	}
	if err := errors.Join(errs...); err != nil {
		return doc, join(settings.Problems(err))
	}
	return doc, nil
}

// split finds the parts between the boundaries, RFC 2046 5.1.1. It does not use
// mime/multipart, which does not tell the lines of the parts.
func (p part) split(boundary string) ([]part, error) {
	if boundary == "" || len(boundary) > 70 {
		return nil, &settings.Problem{Line: 1, Message: "the multipart header names no boundary"}
	}
	var parts []part
	start, before, inside := 0, 0, false
	for at, line := 0, p.before; at < len(p.body); line++ {
		end := at + len(firstLine(p.body[at:]))
		text := strings.TrimRight(string(p.body[at:end]), " \t\r")
		next := min(end+1, len(p.body))
		last := text == "--"+boundary+"--"
		if last || text == "--"+boundary {
			if inside {
				one, err := readPart(cutNewline(p.body[start:at]), before)
				if err != nil {
					return nil, err
				}
				parts = append(parts, one)
			}
			if len(parts) > maxParts {
				return nil, &settings.Problem{Line: line + 1, Message: fmt.Sprintf("there are more than %d parts", maxParts)}
			}
			if last {
				return parts, nil
			}
			start, before, inside = next, line+1, true
		}
		at = next
	}
	return nil, &settings.Problem{Message: "the closing boundary is missing: perhaps the user data were cut off"}
}

// cutNewline takes off the line's end that belongs to the boundary after it.
func cutNewline(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// readPart splits the header from the body. before is the number of lines of
// user data before the text.
func readPart(text []byte, before int) (part, error) {
	at, lines := 0, 0
	for at < len(text) {
		line := firstLine(text[at:])
		at = min(at+len(line)+1, len(text))
		lines++
		if strings.TrimRight(line, "\r") == "" {
			break
		}
	}
	header := append(slices.Clone(text[:at]), "\r\n\r\n"...)
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	if err != nil {
		return part{}, &settings.Problem{Line: before + 1, Message: fmt.Sprintf("the MIME header is not valid: %v", err)}
	}
	return part{header: h, body: text[at:], before: before + lines}, nil
}

// mediaType returns the type, RFC 2045 5.2: plain text where there is none.
func (p part) mediaType() (string, map[string]string, error) {
	value := p.header.Get("Content-Type")
	if value == "" {
		return "text/plain", nil, nil
	}
	kind, params, err := mime.ParseMediaType(value)
	if err != nil {
		return "", nil, &settings.Problem{Line: max(1, p.before), Message: fmt.Sprintf("the Content-Type %s is not valid: %v", shorten(value), err)}
	}
	return kind, params, nil
}

// parse reads part number n. It is never nil.
func (p part) parse(n int, s *settings.Schema, room *int) (*document, error) {
	kind, _, err := p.mediaType()
	if err != nil {
		return &document{}, err
	}
	if !slices.Contains(tomlTypes, kind) {
		w := fmt.Sprintf("line %d: part %d is of the type %s; it is not used", p.before+1, n, shorten(kind))
		if kind == "text/cloud-config" {
			w += ": " + useTOML
		}
		return &document{warnings: []string{w}}, nil
	}
	body, encoded, err := p.decode()
	if err != nil {
		return &document{}, err
	}
	text, err := unpack(body, room)
	for _, problem := range settings.Problems(err) {
		problem.Line = p.before + 1
	}
	if err != nil {
		return &document{}, err
	}
	return parseTOML(text, s, place{before: p.before, encoded: encoded || isGzip(body)})
}

// decode undoes the transfer encoding, RFC 2045 6, and tells whether there was
// one.
func (p part) decode() (body []byte, encoded bool, err error) {
	encoding := strings.ToLower(strings.TrimSpace(p.header.Get("Content-Transfer-Encoding")))
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return p.body, false, nil
	case "base64":
		body, err = base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(p.body), nil)))
	case "quoted-printable":
		body, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(p.body)))
	default:
		err = errors.New("no such encoding")
	}
	if err != nil {
		return nil, true, &settings.Problem{Line: p.before + 1, Message: fmt.Sprintf("decoding a part by %s: %v", shorten(encoding), err)}
	}
	return body, true, nil
}
