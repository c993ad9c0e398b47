package openai

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/runner/sample"
)

// requestHead builds what each request to u starts with: everything before the
// value of Content-Length, and the fixed headers after it. A user and a password in the
// URL are sent as basic authorization, as net/http does, unless a header says otherwise.
func requestHead(u *url.URL, cfg *Config) (head, tail []byte) {
	host, fixed := u.Host, []byte(nil)
	if u.User != nil && !hasHeader(cfg.Headers, "Authorization") {
		password, _ := u.User.Password()
		fixed = appendHeader(fixed, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	for i := 0; i+1 < len(cfg.Headers); i += 2 {
		if strings.EqualFold(cfg.Headers[i], "Host") {
			host = cfg.Headers[i+1]
			continue
		}
		fixed = appendHeader(fixed, cfg.Headers[i], cfg.Headers[i+1])
	}
	head = append(head, "POST "+u.RequestURI()+" HTTP/1.1\r\n"...)
	head = appendHeader(head, "Host", host)
	head = append(head, "User-Agent: wsrun\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"...)
	if cfg.Fresh {
		head = append(head, "Connection: close\r\n"...)
	}
	return append(head, "Content-Length: "...), append([]byte("\r\n"), fixed...)
}

// hasHeader looks a name up in alternating names and values.
func hasHeader(headers []string, name string) bool {
	for i := 0; i+1 < len(headers); i += 2 {
		if strings.EqualFold(headers[i], name) {
			return true
		}
	}
	return false
}

// appendHeader appends one header line. Headers that frame the message are the
// client's own and are left out; line breaks become spaces.
func appendHeader(dst []byte, name, value string) []byte {
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding", "connection":
		return dst
	}
	dst = append(dst, lineBreaks.Replace(name)...)
	dst = append(dst, ": "...)
	dst = append(dst, lineBreaks.Replace(value)...)
	return append(dst, "\r\n"...)
}

var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ")

// write sends the request: head and body with one system call where the
// connection can.
func (ep *endpoint) write(w *wire, s *scratch, job *sample.Job) error {
	s.head = append(s.head[:0], ep.head...)
	s.head = strconv.AppendInt(s.head, int64(len(job.Body)), 10)
	s.head = append(s.head, ep.tail...)
	for i := 0; i+1 < len(job.Header); i += 2 {
		s.head = appendHeader(s.head, job.Header[i], job.Header[i+1])
	}
	s.head = append(s.head, "\r\n"...)
	bufs := net.Buffers{s.head, job.Body}
	if len(job.Body) == 0 {
		bufs = bufs[:1]
	}
	_, err := bufs.WriteTo(w.conn)
	return err
}

// readHeader reads the response's header. firstByte is called when its first
// byte is there; informational responses (1xx) are skipped.
func readHeader(w *wire, firstByte func()) (*http.Response, error) {
	w.budget = headerLimit
	defer func() { w.budget = -1 }()
	if _, err := w.br.Peek(1); err != nil {
		return nil, err
	}
	firstByte()
	for {
		resp, err := http.ReadResponse(w.br, nil)
		if err != nil || resp.StatusCode >= 200 {
			return resp, err
		}
	}
}

// bodyOf gives the response's content. Chunks are decoded by our own reader:
// net/http's waits for the rest of a chunk before it gives what is there, and so
// would stamp events late that share a chunk.
func bodyOf(w *wire, resp *http.Response) io.Reader {
	if len(resp.TransferEncoding) > 0 {
		return &chunked{br: w.br}
	}
	return resp.Body
}

var (
	errChunk = errors.New("malformed chunked encoding")
	crlf     = []byte("\r\n")
)

// chunked decodes a chunked body. Read gives what has arrived and reads the
// socket only when nothing has.
type chunked struct {
	br    *bufio.Reader
	left  int64 // bytes left of the chunk
	begun bool
	err   error
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.br.Read(p)
	c.left -= int64(n)
	if err != nil {
		c.err = cut(err)
	}
	return n, c.err
}

// next reads up to the content of the next chunk; io.EOF after the last.
func (c *chunked) next() error {
	if c.begun {
		if line, err := c.line(); err != nil {
			return err
		} else if len(line) > 0 {
			return errChunk
		}
	}
	c.begun = true
	line, err := c.line()
	if err != nil {
		return err
	}
	if c.left, err = chunkSize(line); err != nil || c.left > 0 {
		return err
	}
	for { // trailers
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
	}
}

// line reads one line of the framing, without its end.
func (c *chunked) line() ([]byte, error) {
	line, err := c.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errChunk
	}
	if err != nil {
		return nil, cut(err)
	}
	return bytes.TrimSuffix(line[:len(line)-1], crlf[:1]), nil
}

// chunkSize reads the hexadecimal size; an extension after ';' is ignored.
func chunkSize(line []byte) (int64, error) {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t")
	if len(line) == 0 || len(line) > 15 {
		return 0, errChunk
	}
	var n int64
	for _, c := range line {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, errChunk
		}
		n = n<<4 | int64(c)
	}
	return n, nil
}

// cut says that a body ended before its framing did.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
