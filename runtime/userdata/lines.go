package userdata

import (
	"bytes"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/slipway-os/slipway/runtime/settings"
)

// lines tells the line of each key and table below settings, by canonical key;
// "" is settings itself. Names beside it stand after the prefix outside.
type lines map[string]int

// outside starts no canonical key.
const outside = "\x00"

// of returns the line of a key or, where the text does not have it, of the
// nearest table around it; 0 if there is none.
func (l lines) of(key string) int {
	k, err := settings.ParseKey(key)
	if err != nil {
		return l[""]
	}
	for ; len(k) > 0; k = k[:len(k)-1] {
		if line := l[k.String()]; line > 0 {
			return line
		}
	}
	return l[""]
}

// A locator finds the lines in one text, which must be valid TOML.
type locator struct {
	schema *settings.Schema
	lines  lines
	text   []byte
	offset int // up to which line has been counted
	line   int
}

// linesOf reads the text once more, for where its keys are.
func linesOf(text []byte, s *settings.Schema) lines {
	l := &locator{schema: s, lines: lines{}, text: text, line: 1}
	var p unstable.Parser
	p.Reset(text)
	var table settings.Key
	fits := true
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, fits = l.key(nil, e.Key())
		case unstable.KeyValue:
			if fits {
				l.keyValue(table, e)
			}
		}
	}
	return l.lines
}

// keyValue notes a key and, in an inline table, those below it.
func (l *locator) keyValue(table settings.Key, kv *unstable.Node) {
	key, fits := l.key(table, kv.Key())
	if !fits || kv.Value().Kind != unstable.InlineTable {
		return
	}
	for it := kv.Value().Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			l.keyValue(key, it.Node())
		}
	}
}

// key notes the line of each segment that is new and returns the whole key. No
// setting is deeper or longer than the bounds of settings, so that what is
// beyond them is not noted and does not fit: a hostile text could make the
// notes many times as large as itself.
func (l *locator) key(table settings.Key, it unstable.Iterator) (key settings.Key, fits bool) {
	size := 0
	for _, segment := range table {
		size += len(segment)
	}
	key = append(key, table...)
	for it.Next() {
		size += len(it.Node().Data)
		if len(key) > settings.MaxDepth || size > settings.MaxKey {
			return nil, false
		}
		key = append(key, string(it.Node().Data))
		name := l.name(key)
		if _, known := l.lines[name]; !known {
			l.lines[name] = l.at(int(it.Node().Raw.Offset))
		}
	}
	return key, true
}

// name is the key's name in lines: its canonical one, whatever alias the text
// uses.
func (l *locator) name(key settings.Key) string {
	if key[0] != root {
		return outside + key[0]
	}
	k := append(settings.Key{}, key[1:]...)
	for i := range k {
		if n, ok := l.schema.Find(k[:i+1]); ok && n.Key[i] != "*" {
			k[i] = n.Key[i]
		}
	}
	return k.String()
}

// at returns the line of an offset. Offsets come in order, so that the text is
// counted through once.
func (l *locator) at(offset int) int {
	if offset >= l.offset {
		l.line += bytes.Count(l.text[l.offset:offset], []byte("\n"))
		l.offset = offset
	}
	return l.line
}
