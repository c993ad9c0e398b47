package openai

import (
	"bytes"
	"errors"
	"io"
)

// eventLimit bounds one event, so that a broken server cannot fill the memory.
const eventLimit = 16 << 20

var errEventTooLarge = errors.New("an event that is too large (the limit is 16 MiB)")

// events reads a text/event-stream: fields `data` and `event` in lines that end
// in LF or CRLF, comments, events closed by an empty line. It reads its source
// only when no complete event is left, so the source's last read is the one that
// completed the event just given.
type events struct {
	src   io.Reader
	limit int    // bytes of one event
	buf   []byte // bytes read
	pos   int    // start of the first line not taken
	seen  int    // bytes below this hold no line end
	end   int    // end of what was read
	data  []byte // data of the event under way
	has   bool   // a data field was there
	named bool   // an event field other than "message" was there
	taken bool   // data and named belong to an event that was given
	first bool   // at the first line: a byte order mark may stand there
	open  bool   // the event just given was not closed by an empty line
	stray []byte // start of the first line that is no field of an event stream
	err   error
}

func (e *events) reset(src io.Reader) {
	e.src, e.err, e.limit = src, nil, eventLimit
	e.pos, e.seen, e.end = 0, 0, 0
	e.first, e.taken, e.open, e.stray = true, true, false, e.stray[:0]
	e.data, e.has, e.named = e.data[:0], false, false
	if e.buf == nil {
		e.buf = make([]byte, readBuffer)
	}
}

// next gives the next event's data, valid until the call after. named says that
// the event has a name of its own: it need not be a completion's. At the end of
// the source an event that was not closed is given as well; then comes the
// source's error.
func (e *events) next() (data []byte, named bool, err error) {
	if e.taken {
		e.data, e.has, e.named, e.taken = e.data[:0], false, false, false
	}
	for {
		line, ok := e.line()
		switch {
		case !ok && e.err == nil:
			e.fill()
		case !ok:
			return e.last()
		case len(line) > 0:
			if e.field(line); e.err == errEventTooLarge {
				return nil, false, e.err
			}
		case len(e.data) > 0:
			e.taken = true
			return e.data, e.named, nil
		default: // an empty line closes nothing
			e.has, e.named = false, false
		}
	}
}

// last gives what stands unclosed at the end of the source.
func (e *events) last() ([]byte, bool, error) {
	if errors.Is(e.err, io.EOF) {
		if rest := e.buf[e.pos:e.end]; len(rest) > 0 {
			e.field(bytes.TrimSuffix(rest, crlf[:1]))
			e.pos, e.seen = e.end, e.end
		}
		if len(e.data) > 0 && e.err != errEventTooLarge {
			e.taken, e.open = true, true
			return e.data, e.named, nil
		}
	}
	return nil, false, e.err
}

// line takes the next complete line, without its end.
func (e *events) line() ([]byte, bool) {
	i := bytes.IndexByte(e.buf[e.seen:e.end], '\n')
	if i < 0 {
		e.seen = e.end
		return nil, false
	}
	line := e.buf[e.pos : e.seen+i]
	e.pos = e.seen + i + 1
	e.seen = e.pos
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, true
}

// fill reads the source once; what was taken makes room for it.
func (e *events) fill() {
	if e.pos > 0 {
		e.end = copy(e.buf, e.buf[e.pos:e.end])
		e.pos, e.seen = 0, e.end
	}
	if e.end == len(e.buf) {
		if e.end >= e.limit {
			e.err = errEventTooLarge
			return
		}
		e.buf = append(e.buf, make([]byte, len(e.buf))...)
	}
	n, err := e.src.Read(e.buf[e.end:])
	e.end += n
	e.err = err
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	dataField     = []byte("data")
)

// field takes one line that is not empty.
func (e *events) field(line []byte) {
	if e.first {
		e.first = false
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	name, value := line, []byte(nil)
	if i := bytes.IndexByte(line, ':'); i >= 0 {
		name, value = line[:i], line[i+1:]
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
	}
	switch {
	case bytes.Equal(name, dataField):
		if e.has {
			e.data = append(e.data, '\n')
		}
		e.has = true
		if e.data = append(e.data, value...); len(e.data) > e.limit {
			e.err = errEventTooLarge
		}
	case len(name) == 0: // a comment
	case string(name) == "event":
		e.named = len(value) > 0 && string(value) != "message"
	case string(name) == "id", string(name) == "retry":
	case len(e.stray) == 0:
		e.stray = append(e.stray, line[:min(len(line), 200)]...)
	}
}
