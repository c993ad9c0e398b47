package openai

import "bytes"

// pattern is the last record whose text was all that a next one would change:
// servers send the same bytes again and again around it. Comparing them costs a
// tenth of a scan.
type pattern struct {
	head, tail []byte
	record     record
	known      bool
}

// learn takes data, as scanned, for a pattern.
func (p *pattern) learn(data []byte, s *scanner, r *record) {
	if p.known = s.contents == 1; p.known {
		p.head = append(p.head[:0], data[:s.from]...)
		p.tail = append(p.tail[:0], data[s.to:]...)
		p.record = *r
	}
}

// match reads data if it differs from the pattern in its text only. A text
// without quotes and escapes ends where the pattern's ended, so that all else is
// what it was.
func (p *pattern) match(data []byte, r *record) bool {
	n := len(data) - len(p.head) - len(p.tail)
	if !p.known || n < 0 || !bytes.Equal(data[len(data)-len(p.tail):], p.tail) || !bytes.Equal(data[:len(p.head)], p.head) {
		return false
	}
	text := data[len(p.head) : len(p.head)+n]
	for _, c := range text {
		if c == '"' || c == '\\' {
			return false
		}
	}
	*r = p.record
	r.content = n > 0
	return true
}

// scan reads the records that make up nearly all of a stream (text and no
// counts) in one pass over the bytes, at a third of the cost of a JSON tree. It
// reports false for whatever it does not know for certain (usage, errors, tool
// calls, escaped keys, anything malformed): the decoder then parses it properly.
// What it accepts it reads as the decoder would; a fuzz test holds it to that.
func (p *pattern) scan(data []byte, r *record) bool {
	if p.match(data, r) {
		return true
	}
	s := scanner{b: data}
	if !s.root(r) {
		return false
	}
	p.learn(data, &s, r)
	return true
}

// root takes the whole record.
func (s *scanner) root(r *record) bool {
	if !s.take('{') {
		return false
	}
	for first := true; ; first = false {
		key, end, ok := s.member(first)
		if !ok {
			return false
		}
		if end {
			break
		}
		switch string(key) {
		case "choices":
			ok = s.choices(r)
		case "usage", "timings", "error", "sglext":
			ok = s.null()
		case "object":
			var word []byte
			if word, ok = s.text(); ok {
				ok = string(word) != "error" && bytes.IndexByte(word, '\\') < 0
			}
		default:
			ok = s.skip(0)
		}
		if !ok {
			return false
		}
	}
	s.space()
	return s.i == len(s.b)
}

// scanner walks over JSON. Its methods report false for what they do not take;
// the walk is then over.
type scanner struct {
	b []byte
	i int

	contents int // strings of generated content seen
	from, to int // where the only one stands
}

func (s *scanner) choices(r *record) bool {
	if !s.take('[') {
		return false
	}
	for first := true; ; first = false {
		if end, ok := s.element(first); !ok || end {
			return ok
		}
		r.choices = true
		if !s.choice(r) {
			return false
		}
	}
}

func (s *scanner) choice(r *record) bool {
	if !s.take('{') {
		return false
	}
	for first := true; ; first = false {
		key, end, ok := s.member(first)
		if !ok || end {
			return ok
		}
		switch string(key) {
		case "text":
			ok = s.content(r)
		case "delta":
			ok = s.delta(r)
		case "finish_reason":
			ok = s.filled(&r.finish)
		case "token_ids":
			ok = s.count(&r.ids)
		default:
			ok = s.skip(0)
		}
		if !ok {
			return false
		}
	}
}

func (s *scanner) delta(r *record) bool {
	if !s.take('{') {
		return s.null()
	}
	for first := true; ; first = false {
		key, end, ok := s.member(first)
		if !ok || end {
			return ok
		}
		switch string(key) {
		case "content", "reasoning_content", "reasoning":
			ok = s.content(r)
		case "role":
			ok = s.filled(&r.role)
		case "token_ids":
			ok = s.count(&r.ids)
		case "tool_calls":
			ok = s.null()
		default:
			ok = s.skip(0)
		}
		if !ok {
			return false
		}
	}
}

// filled sets *is where the value is a string that is not empty; null is taken.
func (s *scanner) filled(is *bool) bool {
	s.space()
	if s.at() != '"' {
		return s.null()
	}
	text, ok := s.text()
	*is = *is || len(text) > 0
	return ok
}

// content is filled for generated content. It remembers where that stood.
func (s *scanner) content(r *record) bool {
	s.space()
	if s.at() != '"' {
		return s.null()
	}
	text, ok := s.text()
	r.content = r.content || len(text) > 0
	s.contents++
	s.to = s.i - 1
	s.from = s.to - len(text)
	return ok
}

// count adds the number of elements of an array; null is taken.
func (s *scanner) count(n *int64) bool {
	if !s.take('[') {
		return s.null()
	}
	for first := true; ; first = false {
		if end, ok := s.element(first); !ok || end {
			return ok
		}
		*n++
		if !s.skip(0) {
			return false
		}
	}
}

// at is the next byte, 0 at the end.
func (s *scanner) at() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) space() {
	for s.i < len(s.b) && s.b[s.i] <= ' ' {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// take takes one byte, after white space.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at() != c {
		return false
	}
	s.i++
	return true
}

// member takes an object's next key and its colon, or its end.
func (s *scanner) member(first bool) (key []byte, end, ok bool) {
	if s.take('}') {
		return nil, true, true
	}
	if !first && !s.take(',') {
		return nil, false, false
	}
	if !s.take('"') {
		return nil, false, false
	}
	start := s.i
	for s.i < len(s.b) { // keys are short: a call to search them would cost more
		switch s.b[s.i] {
		case '"':
			s.i++
			return s.b[start : s.i-1], false, s.take(':')
		case '\\':
			return nil, false, false
		}
		s.i++
	}
	return nil, false, false
}

// element goes to an array's next element, or takes its end.
func (s *scanner) element(first bool) (end, ok bool) {
	if s.take(']') {
		return true, true
	}
	return false, first || s.take(',')
}

// text takes a string and gives it as it stands, escapes and all.
func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.i
	for {
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			return nil, false
		}
		s.i += n + 1
		escapes := 0
		for j := s.i - 2; j >= start && s.b[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return s.b[start : s.i-1], true
		}
	}
}

func (s *scanner) null() bool {
	s.space()
	return s.word("null")
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// skip takes any value; nesting beyond what servers send is left to the parser.
func (s *scanner) skip(depth int) bool {
	if depth > 20 {
		return false
	}
	s.space()
	switch c := s.at(); c {
	case '"':
		_, ok := s.text()
		return ok
	case 'n':
		return s.word("null")
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case '{':
		s.i++
		for first := true; ; first = false {
			if _, end, ok := s.member(first); !ok || end {
				return ok
			}
			if !s.skip(depth + 1) {
				return false
			}
		}
	case '[':
		s.i++
		for first := true; ; first = false {
			if end, ok := s.element(first); !ok || end {
				return ok
			}
			if !s.skip(depth + 1) {
				return false
			}
		}
	default:
		return s.number()
	}
}

// number takes an integer or a decimal fraction.
func (s *scanner) number() bool {
	if s.at() == '-' {
		s.i++
	}
	if !s.digits() {
		return false
	}
	if s.at() == '.' {
		s.i++
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		s.i++
	}
	return s.i > start
}
