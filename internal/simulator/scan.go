package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"unicode/utf8"
)

// A request body of 100k token ids is 600 KB of JSON. This scanner reads its top level
// and the ids by hand (a few ns per byte); everything else goes to encoding/json.

var errSyntax = errors.New("JSON decode error")

// scanner walks JSON text. Its methods leave pos behind what they read.
type scanner struct {
	src []byte
	pos int
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek gives the next byte that is not space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// text skips a string and gives it with its quotes.
func (s *scanner) text() ([]byte, error) {
	if s.peek() != '"' {
		return nil, errSyntax
	}
	for i := s.pos + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case '\\':
			i++
		case '"':
			raw := s.src[s.pos : i+1]
			s.pos = i + 1
			return raw, nil
		}
	}
	return nil, errSyntax
}

// unquote gives the value of a string with its quotes.
func unquote(raw []byte) (string, error) {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) && !hasControl(inner) {
		return string(inner), nil
	}
	var v string
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", errSyntax
	}
	return v, nil
}

func hasControl(b []byte) bool {
	for _, c := range b {
		if c < 0x20 {
			return true
		}
	}
	return false
}

// skip gives the raw text of the next value, and checks its syntax.
func (s *scanner) skip() ([]byte, error) {
	s.space()
	start := s.pos
	if err := s.end(); err != nil {
		return nil, err
	}
	raw := s.src[start:s.pos]
	if !json.Valid(raw) {
		return nil, errSyntax
	}
	return raw, nil
}

// end finds the end of the next value by its brackets; what is between them is not
// checked here.
func (s *scanner) end() error {
	depth := 0
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case '"':
			if _, err := s.text(); err != nil {
				return err
			}
			if depth == 0 {
				return nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']', ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return nil
			}
			if c == '}' || c == ']' {
				if depth--; depth == 0 {
					s.pos++
					return nil
				}
			}
		}
		s.pos++
	}
	if depth > 0 {
		return errSyntax
	}
	return nil
}

// object calls field for every key of the object that follows; field must read the
// value.
func (s *scanner) object(field func(key string) error) error {
	if !s.take('{') {
		return errSyntax
	}
	if s.take('}') {
		return nil
	}
	for {
		raw, err := s.text()
		if err != nil {
			return err
		}
		key, err := unquote(raw)
		if err != nil || !s.take(':') {
			return errSyntax
		}
		if err := field(key); err != nil {
			return err
		}
		if s.take(',') {
			continue
		}
		if s.take('}') {
			return nil
		}
		return errSyntax
	}
}

// ids appends the whole numbers of the list that follows. ok is false when the list
// holds anything else; the scanner is then where it was.
func (s *scanner) ids(dst []int32) (ids []int32, ok bool) {
	start := s.pos
	if !s.take('[') {
		return dst, false
	}
	ids = dst
	if s.take(']') {
		return ids, true
	}
	for {
		id, good := s.int()
		if !good {
			break
		}
		ids = append(ids, id)
		if s.take(',') {
			continue
		}
		if s.take(']') {
			return ids, true
		}
		break
	}
	s.pos = start
	return dst, false
}

// int reads a whole number that fits 32 bits.
func (s *scanner) int() (int32, bool) {
	c := s.peek()
	neg := c == '-'
	if neg {
		s.pos++
	}
	v, first := int64(0), s.pos
	for s.pos < len(s.src) {
		d := s.src[s.pos] - '0'
		if d > 9 {
			break
		}
		v = v*10 + int64(d)
		if v > math.MaxInt32 {
			return 0, false
		}
		s.pos++
	}
	if s.pos == first || (s.src[first] == '0' && s.pos > first+1) {
		return 0, false
	}
	if neg {
		v = -v
	}
	return int32(v), true
}
