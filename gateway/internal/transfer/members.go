package transfer

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// members reads the members of a row object into values. Strings are unescaped, numbers stay as written, an array becomes its
// strings with commas between, null and all else is nothing.
type members struct {
	in  bytes.Reader
	dec *jsontext.Decoder
	mem []byte // the values of the present row
}

// wrappers are the members that hold rows: an object with one is not a row but the (empty) frame of some.
var wrappers = map[string]bool{"items": true, "suppressions": true, "suppresseddestinationsummaries": true}

// read fills v and reports whether the object is a row at all. It refuses what JSON refuses, a name given twice included.
func (m *members) read(row []byte, columns map[string]column, v *values) (isRow bool, err error) {
	m.in.Reset(row)
	if m.dec == nil {
		m.dec = jsontext.NewDecoder(&m.in)
	} else {
		m.dec.Reset(&m.in)
	}
	m.mem = m.mem[:0]
	*v = values{}
	if _, err := m.dec.ReadToken(); err != nil {
		return false, err
	}
	framed, known := false, false
	for m.dec.PeekKind() == '"' {
		name, err := m.dec.ReadValue()
		if err != nil {
			return false, err
		}
		var room [maxName]byte
		plain := plainName(room[:0], bytes.Trim(name, `"`))
		c, ok := columns[string(plain)]
		framed, known = framed || wrappers[string(plain)], known || ok
		value, err := m.value()
		if err != nil {
			return false, err
		}
		if ok && v[c] == nil {
			v[c] = value
		}
	}
	_, err = m.dec.ReadToken()
	return known || !framed, err
}

// value reads a member's value into memory that lasts as long as the row.
func (m *members) value() ([]byte, error) {
	from := len(m.mem)
	switch m.dec.PeekKind() {
	case '"':
		raw, err := m.dec.ReadValue()
		if err == nil {
			m.mem, err = jsontext.AppendUnquote(m.mem, raw)
		}
		return m.mem[from:len(m.mem):len(m.mem)], err
	case '0', 't', 'f':
		raw, err := m.dec.ReadValue()
		m.mem = append(m.mem, raw...)
		return m.mem[from:len(m.mem):len(m.mem)], err
	case '[':
		return m.array()
	}
	return nil, m.dec.SkipValue()
}

func (m *members) array() ([]byte, error) {
	from := len(m.mem)
	if _, err := m.dec.ReadToken(); err != nil {
		return nil, err
	}
	for m.dec.PeekKind() != ']' {
		raw, err := m.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		if raw.Kind() != '"' {
			continue
		}
		if len(m.mem) > from {
			m.mem = append(m.mem, ',')
		}
		if m.mem, err = jsontext.AppendUnquote(m.mem, raw); err != nil {
			return nil, err
		}
	}
	_, err := m.dec.ReadToken()
	return m.mem[from:len(m.mem):len(m.mem)], err
}
