package settings

// Redacted stands where a secret was.
const Redacted = "(redacted)"

// Redact returns v with every sensitive string replaced, also those within
// lists, for reports and logs. What the schema does not know is replaced whole.
func (s *Schema) Redact(v Values) Values {
	redacted := make(Values, len(v))
	for text, raw := range v {
		redacted[text] = raw
		k, err := ParseKey(text)
		var n *node
		if err == nil {
			n = s.leaf(k)
		}
		if n == nil {
			redacted[text] = compact(Redacted)
			continue
		}
		if !n.holdsSecret() {
			continue
		}
		value, err := decodeStrict(raw)
		if err != nil {
			value = Redacted
		}
		redacted[text] = compact(n.redact(value))
	}
	return redacted
}

func (n *node) redact(v any) any {
	if n.sensitive {
		return Redacted
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			switch {
			case n.kind == KindList:
				v[i] = n.elem.redact(v[i])
			case n.kind == KindTuple && i < len(n.fields):
				v[i] = n.fields[i].redact(v[i])
			}
		}
	case map[string]any:
		for name := range v {
			if f := n.field(name); f != nil {
				v[name] = f.redact(v[name])
			}
		}
	}
	return v
}
