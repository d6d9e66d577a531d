package userdata

import (
	"bytes"
	"fmt"

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

// maxKeys bounds how many keys and tables a text has. The TOML library takes a
// time that grows with the square of it.
const maxKeys = 8192

// A locator finds the lines in one text.
type locator struct {
	schema *settings.Schema
	lines  lines
	text   []byte
	offset int // up to which line has been counted
	line   int
	keys   int // seen so far
	err    error
}

// linesOf finds where the text's keys are, up to its first mistake in TOML. The
// error is a Problem: keys beyond the bounds of settings, or too many of them.
func linesOf(text []byte, s *settings.Schema) (lines, error) {
	l := &locator{schema: s, lines: lines{}, text: text, line: 1}
	var p unstable.Parser
	p.Reset(text)
	var table settings.Key
	for l.err == nil && p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = l.key(nil, e.Key())
		case unstable.KeyValue:
			l.keyValue(table, e)
		}
	}
	return l.lines, l.err
}

// keyValue notes a key and, in an inline table, those below it.
func (l *locator) keyValue(table settings.Key, kv *unstable.Node) {
	key := l.key(table, kv.Key())
	if kv.Value().Kind != unstable.InlineTable {
		return
	}
	for it := kv.Value().Children(); l.err == nil && it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			l.keyValue(key, it.Node())
		}
	}
}

// key notes the line of each segment that is new and returns the whole key.
func (l *locator) key(table settings.Key, it unstable.Iterator) settings.Key {
	l.keys++
	size := 0
	for _, segment := range table {
		size += len(segment)
	}
	key := append(settings.Key{}, table...)
	for it.Next() {
		line := l.at(int(it.Node().Raw.Offset))
		size += len(it.Node().Data)
		switch {
		case l.keys > maxKeys:
			l.fail(line, "there are more than %d keys", maxKeys)
		case len(key) > settings.MaxDepth: // of which the first is settings
			l.fail(line, "a key has more than %d segments", settings.MaxDepth)
		case size > settings.MaxKey:
			l.fail(line, "a key is longer than %d bytes", settings.MaxKey)
		}
		if l.err != nil {
			return key
		}
		key = append(key, string(it.Node().Data))
		name := l.name(key)
		if _, known := l.lines[name]; !known {
			l.lines[name] = line
		}
	}
	return key
}

func (l *locator) fail(line int, format string, args ...any) {
	l.err = &settings.Problem{Line: line, Message: fmt.Sprintf(format, args...)}
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
