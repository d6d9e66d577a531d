package render

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/unit"
)

// Text is text that a helper has made safe for the file that it goes to.
type Text string

// scalar returns a value that is not a list or table as text.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case Text:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case nil:
		return "", errors.New("there is no value")
	}
	return "", fmt.Errorf("a %s cannot be printed", kind(v))
}

func kind(v any) string {
	switch v.(type) {
	case []any:
		return "list"
	case map[string]any:
		return "table"
	}
	return fmt.Sprintf("%T", v)
}

// line returns a scalar that must be one line of printable text.
func line(v any) (string, error) {
	s, err := scalar(v)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(s) {
		return "", errors.New("the value is not UTF-8 text")
	}
	if i := strings.IndexFunc(s, breaks); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return "", fmt.Errorf("the value holds %+q, which may not stand there", r)
	}
	return s, nil
}

// breaks tells whether some reader of a file may take a character for the end
// of a line or not show it.
func breaks(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// emit ends every action: what no helper has made safe must be one line.
func emit(v any) (Text, error) {
	if t, ok := v.(Text); ok {
		return t, nil
	}
	s, err := line(v)
	return Text(s), err
}

// item returns a value that is one word wherever it stands in a line: it has no
// white space, quotes, backslashes or dollar signs.
func item(v any) (string, error) {
	s, err := line(v)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", errors.New("the value is empty")
	case strings.ContainsFunc(s, unicode.IsSpace) || strings.ContainsAny(s, "\"'`\\$"):
		return "", fmt.Errorf("the value %q is not one word", s)
	}
	return s, nil
}

// word returns an item that may also begin a line: it starts no comment,
// section or option.
func word(v any) (Text, error) {
	s, err := item(v)
	if err != nil {
		return "", err
	}
	if strings.ContainsRune("#;!%[-", rune(s[0])) {
		return "", fmt.Errorf("the value %q begins with %q", s, s[:1])
	}
	return Text(s), nil
}

// join puts a separator between the items of a list. Nothing is an empty list.
func join(separator string, list any) (Text, error) {
	if list == nil || list == "" {
		return "", nil
	}
	members, ok := list.([]any)
	if !ok {
		return "", fmt.Errorf("a %s cannot be joined", kind(list))
	}
	items := make([]string, 0, len(members))
	for _, m := range members {
		w, err := item(m)
		if err != nil {
			return "", err
		}
		if sep := strings.TrimSpace(separator); sep != "" && strings.Contains(w, sep) {
			return "", fmt.Errorf("the value %q holds the separator %q", w, sep)
		}
		items = append(items, w)
	}
	return Text(strings.Join(items, separator)), nil
}

// words returns the words of a list's members, each of which may hold several,
// with a space between. Nothing is an empty list.
func words(list any) (Text, error) {
	if list == nil || list == "" {
		return "", nil
	}
	members, ok := list.([]any)
	if !ok {
		return "", fmt.Errorf("a %s holds no words", kind(list))
	}
	var all []any
	for _, m := range members {
		s, err := line(m)
		if err != nil {
			return "", err
		}
		for _, w := range strings.Fields(s) {
			all = append(all, w)
		}
	}
	return join(" ", all)
}

// quote encloses a value in double quotes for unit files and their like: see
// "Quoting" in systemd.syntax(7); "%" is doubled, so that it is no specifier.
func quote(v any) (Text, error) {
	s, err := line(v)
	return Text(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(s) + `"`), err
}

// env encloses a value in double quotes for an EnvironmentFile=, see
// systemd.exec(5).
func env(v any) (Text, error) {
	s, err := line(v)
	return Text(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(s) + `"`), err
}

// sysctl returns the name of a kernel parameter for sysctl.d(5): without
// patterns, which would reach others.
func sysctl(v any) (Text, error) {
	w, err := word(v)
	switch {
	case err != nil:
		return "", err
	case strings.ContainsAny(string(w), "*?[]="):
		return "", fmt.Errorf("%q is not the name of one kernel parameter", w)
	case strings.Contains(string(w), ".."), strings.HasPrefix(string(w), "/"), strings.HasPrefix(string(w), "."):
		return "", fmt.Errorf("%q is not the name of a kernel parameter", w)
	}
	return w, nil
}

// systemdEscape escapes a value as part of a unit's name, see
// systemd-escape(1).
func systemdEscape(v any) (Text, error) {
	s, err := line(v)
	return Text(unit.UnitNameEscape(s)), err
}

// fileForm is what names of files made from settings look like; "[" and ":"
// are for registries such as [::1]:5000.
var fileForm = regexp.MustCompile(`^[A-Za-z0-9_\[][A-Za-z0-9_.:@+\[\]-]{0,199}$`)

// filename returns a value that names one file in a folder.
func filename(v any) (Text, error) {
	s, err := line(v)
	switch {
	case err != nil:
		return "", err
	case !fileForm.MatchString(s):
		return "", fmt.Errorf("%q cannot be the name of a file", s)
	}
	return Text(s), nil
}

// baseURL returns an http or https URL; https is put before one without.
func baseURL(v any) (string, error) {
	s, err := line(v)
	if err != nil {
		return "", err
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("%q is neither an http nor an https URL", s)
	}
	return u.String(), nil
}

// registryHost returns the host, with its port, of a container registry that
// may be written as a URL.
func registryHost(v any) (string, error) {
	s, err := line(v)
	if err != nil {
		return "", err
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "/")
	if s == "" {
		return "", errors.New("the registry has no host")
	}
	return s, nil
}

// decodeBase64 returns what a value encodes (RFC 4648, section 4).
func decodeBase64(v any) (string, error) {
	s, err := scalar(v)
	if err != nil {
		return "", err
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return "", errors.New("the value is not base64")
	}
	return string(b), nil
}

// certificates returns PEM with nothing but the certificates that are in it.
func certificates(v any) (Text, error) {
	s, err := scalar(v)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for rest := []byte(s); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			return "", fmt.Errorf("the value holds a PEM block %q", b.Type)
		}
		if _, err := x509.ParseCertificate(b.Bytes); err != nil {
			return "", fmt.Errorf("parsing a certificate: %w", err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: b.Type, Bytes: b.Bytes}); err != nil {
			return "", err
		}
	}
	if out.Len() == 0 {
		return "", errors.New("the value holds no certificate in PEM")
	}
	return Text(out.String()), nil
}

// text returns text of several lines, as the whole content of a file.
func text(v any) (Text, error) {
	s, err := scalar(v)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(s) {
		return "", errors.New("the value is not UTF-8 text")
	}
	for i, r := range s {
		if breaks(r) && r != '\n' && r != '\t' {
			return "", fmt.Errorf("the value holds %+q at byte %d, which may not stand there", r, i)
		}
	}
	return Text(s), nil
}

// binary returns any bytes, as the whole content of a file.
func binary(v any) (Text, error) {
	s, err := scalar(v)
	return Text(s), err
}
