package settings

import (
	"bytes"
	"fmt"
	"strings"
)

// Markdown returns the reference of every setting, for people.
func (s *Schema) Markdown() []byte {
	var b bytes.Buffer
	b.WriteString("# Settings\n\n" +
		"Generated from the Go types of `runtime/settings`; change it there.\n\n" +
		"A setting is named by its path: `ntp.time-servers`. Segments with other characters than letters, digits, `_` and `-` are in double quotes: " +
		"`kernel.sysctl.\"net.ipv4.ip_forward\"`. In user data the same is `[settings.ntp]` and `time-servers = […]`. NAME stands for a name that you choose.\n")
	for _, group := range s.root.fields {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", group.name, group.doc)
		if !group.descends() {
			fmt.Fprintf(&b, "\n%s", group.markdown(Key{group.name}))
			continue
		}
		if group.kind == KindMap {
			fmt.Fprintf(&b, "\n%s", mapNote(group))
		}
		group.walk(Key{group.name}, func(k Key, n *node) { b.WriteString(section(k, n)) })
	}
	return b.Bytes()
}

// section is what the reference says of one node below a group. What is at a
// name in a map has been said with the map.
func section(k Key, n *node) string {
	if k[len(k)-1] == "*" {
		return ""
	}
	switch {
	case n.kind == KindMap && n.elem.descends():
		return fmt.Sprintf("\n### `%s.NAME`\n\n%s\n\n%s", shown(k), n.doc, mapNote(n))
	case n.kind == KindMap:
		return fmt.Sprintf("\n### `%s.NAME`\n\n%s\n\n%s%s", shown(k), n.doc, mapNote(n), n.elem.markdown(k))
	case n.kind == KindGroup:
		return fmt.Sprintf("\n### `%s`\n\n%s\n", shown(k), n.doc)
	}
	return fmt.Sprintf("\n### `%s`\n\n%s\n\n%s", shown(k), n.doc, n.markdown(k))
}

// mapNote says what names a map takes.
func mapNote(n *node) string {
	note := fmt.Sprintf("- NAME: %s; at most %d.\n", n.rule.expected(), n.size)
	if n.refused != "" {
		note += fmt.Sprintf("- Refused: %s.\n", n.refused)
	}
	if n.def != nil {
		note += fmt.Sprintf("- Default: `%s`\n", n.def)
	}
	return note
}

// markdown lists the facts of a leaf.
func (n *node) markdown(k Key) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- Value: %s.\n", n.expected())
	if n.kind == KindList && n.elem.kind == KindObject {
		for _, f := range n.elem.fields {
			fmt.Fprintf(&b, "  - `%s`: %s Value: %s%s.\n", f.name, f.doc, f.expected(), f.needed())
		}
	}
	if n.alternate.Doc != "" {
		fmt.Fprintf(&b, "- %s\n", n.alternate.Doc)
	}
	if n.alias != "" {
		fmt.Fprintf(&b, "- Other name: `%s`.\n", n.alias)
	}
	if n.def != nil {
		fmt.Fprintf(&b, "- Default: `%s`\n", n.def)
	}
	if n.example != nil {
		fmt.Fprintf(&b, "- Example: `apiclient set -j '%s'`\n", nestedExample(k, n))
	}
	if n.refused != "" {
		fmt.Fprintf(&b, "- Refused: %s.\n", n.refused)
	}
	if n.holdsSecret() {
		b.WriteString("- May hold a secret: left out of reports and logs.\n")
	}
	return b.String()
}

func (n *node) needed() string {
	if n.required {
		return "; needed"
	}
	return ""
}

// shown is a key with NAME for the names in maps.
func shown(k Key) string { return strings.ReplaceAll(k.String(), `"*"`, "NAME") }

// nestedExample is the example of a leaf as a document.
func nestedExample(k Key, n *node) string {
	root := map[string]any{}
	named := make(Key, len(k))
	for i, segment := range k {
		if named[i] = segment; segment == "*" {
			named[i] = "NAME"
		}
	}
	put(root, named, n.example)
	return string(compact(root))
}
