package settings

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// defaultLength is the most characters of a string whose Rule says nothing.
const defaultLength = 4096

// A Rule says which strings a type takes. What Pattern, Enum and the lengths
// say is in the JSON Schema too; what only Check can tell is not, so Check is
// for what no pattern can say.
type Rule struct {
	Expected  string             // completes "expected …"
	Enum      []string           // the only values
	Pattern   string             // RE2 and ECMA-262, of the whole string: ^…$
	MinLength int                // characters
	MaxLength int                // characters; 0: 4096
	Format    string             // JSON Schema's name of it, an annotation
	Check     func(string) error // the error's text says what the value is not
}

// judge is nil or what is wrong with s, in a few words.
func (r Rule) judge(s string) error {
	limit := r.limit()
	// Bytes are counted first, since there are never fewer than characters.
	if n := len(s); n > limit && utf8.RuneCountInString(s) > limit {
		return fmt.Errorf("is longer than %d characters", limit)
	}
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("is not UTF-8 text")
	case utf8.RuneCountInString(s) < r.MinLength:
		if s == "" {
			return fmt.Errorf("is empty")
		}
		return fmt.Errorf("is shorter than %d characters", r.MinLength)
	case len(r.Enum) > 0 && !slices.Contains(r.Enum, s):
		return fmt.Errorf("is not one of the values")
	case r.Pattern != "" && !pattern(r.Pattern).MatchString(s):
		return fmt.Errorf("is not of the right form")
	case r.Check != nil:
		return r.Check(s)
	}
	return nil
}

// limit is the most characters.
func (r Rule) limit() int {
	if r.MaxLength == 0 {
		return defaultLength
	}
	return r.MaxLength
}

// expected completes the words "expected …".
func (r Rule) expected() string {
	switch {
	case len(r.Enum) > 0:
		return "one of " + strings.Join(r.Enum, ", ")
	case r.Expected != "":
		return r.Expected
	}
	return "text"
}

var patterns sync.Map // string to *regexp.Regexp

// pattern compiles a pattern once. Those of the Rules are part of the program,
// and composing a schema has compiled each.
func pattern(text string) *regexp.Regexp {
	if re, ok := patterns.Load(text); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(text)
	patterns.Store(text, re)
	return re
}

// ruleOf is the Rule of a string type; a plain string takes one line of text.
func ruleOf(t reflect.Type) (Rule, error) {
	if t.Kind() != reflect.String {
		return Rule{}, fmt.Errorf("%v is no kind of string", t)
	}
	r := Line("").Rule()
	if typed, ok := reflect.Zero(t).Interface().(ruled); ok {
		r = typed.Rule()
	}
	if _, known := patterns.Load(r.Pattern); known {
		return r, nil
	}
	re, err := regexp.Compile(r.Pattern)
	if err != nil {
		return Rule{}, fmt.Errorf("the pattern of %v: %w", t, err)
	}
	patterns.Store(r.Pattern, re)
	return r, nil
}
