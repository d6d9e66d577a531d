package render

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// A guard goes through a parsed template: it makes every action end in the
// helper "emit", which lets nothing dangerous through, as html/template does
// it; and it finds keys that the header does not declare.
type guard struct {
	header Header
	text   bool   // there is text outside of actions
	whole  string // a helper that makes the whole file, "" if none
}

// tree goes through one template of a file.
func (g *guard) tree(t *parse.Tree) error {
	if t == nil || t.Root == nil {
		return nil
	}
	if err := g.list(t.Root); err != nil {
		return err
	}
	if g.whole != "" && g.text {
		return fmt.Errorf("%q lets line ends through, so that there may be nothing beside it in the file", g.whole)
	}
	return nil
}

func (g *guard) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := g.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (g *guard) node(n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode:
		g.text = g.text || strings.TrimSpace(string(n.Text)) != ""
	case *parse.ActionNode:
		if err := g.pipe(n.Pipe); err != nil {
			return err
		}
		if len(n.Pipe.Decl) == 0 { // else it prints nothing
			emit := parse.NewIdentifier("emit").SetPos(n.Pos)
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
				NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{emit},
			})
		}
	case *parse.IfNode:
		return g.branch(&n.BranchNode)
	case *parse.RangeNode:
		return g.branch(&n.BranchNode)
	case *parse.WithNode:
		return g.branch(&n.BranchNode)
	case *parse.TemplateNode:
		return g.pipe(n.Pipe)
	}
	return nil
}

func (g *guard) branch(b *parse.BranchNode) error {
	if err := g.pipe(b.Pipe); err != nil {
		return err
	}
	if err := g.list(b.List); err != nil {
		return err
	}
	return g.list(b.ElseList)
}

func (g *guard) pipe(p *parse.PipeNode) error {
	if p == nil {
		return nil
	}
	for _, c := range p.Cmds {
		if err := g.command(c); err != nil {
			return err
		}
	}
	return nil
}

// command checks one call.
func (g *guard) command(c *parse.CommandNode) error {
	for _, a := range c.Args {
		if inner, ok := a.(*parse.PipeNode); ok {
			if err := g.pipe(inner); err != nil {
				return err
			}
		}
	}
	for i, a := range c.Args {
		id, ok := a.(*parse.IdentifierNode)
		if !ok {
			continue
		}
		switch id.Ident {
		case "emit":
			return fmt.Errorf(`"emit" is not for templates`)
		case "text", "binary":
			g.whole = id.Ident
		case "setting", "settingOr", "isSet":
			if err := g.key(id.Ident, c.Args[i+1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// key checks the first argument of a helper that reads a setting. It must be
// literal, or nobody could tell which templates a change affects.
func (g *guard) key(helper string, args []parse.Node) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: the key is missing", helper)
	}
	s, ok := args[0].(*parse.StringNode)
	if !ok {
		return fmt.Errorf("%s: the key %s is not a literal", helper, args[0])
	}
	if !g.header.covers(s.Text) {
		return fmt.Errorf("%s: the header does not name settings.%s", helper, s.Text)
	}
	return nil
}

// globOf returns the pattern of path.Match that every path made by a parsed
// path matches.
func globOf(root *parse.ListNode) string {
	var b strings.Builder
	for _, n := range root.Nodes {
		if t, ok := n.(*parse.TextNode); ok {
			b.WriteString(globQuote(string(t.Text)))
		} else {
			b.WriteString("*")
		}
	}
	return b.String()
}

func globQuote(s string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(s)
}
