package result

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ReadOptions says what to leave out.
type ReadOptions struct {
	SkipEvents   bool // no token events (Request.Events is nil): a third of the memory
	SkipRequests bool // no requests at all: what the phases say needs none, and a large record is read as fast as the disk is
}

var (
	// ErrNotRecord is the error of a file that is no record.
	ErrNotRecord = errors.New("not a wsrun record")
	// ErrNewer is the error of a record that a later wsrun wrote.
	ErrNewer = errors.New("the record was written by a newer wsrun")
	// ErrNoRun is the error of a record that was cut off before its first frame:
	// nothing was measured. The Record that comes with it is empty, not nil.
	ErrNoRun = errors.New("the record ends before its first frame: the process died before anything was measured")
)

// Read reads a record file. A frame that was cut off or damaged ends it: what came
// before is given, and Record.Torn and Loss say that, and how much, was lost.
func Read(path string, opt ...ReadOptions) (*Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	defer f.Close()
	rec, err := ReadFrom(f, opt...)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return rec, err
}

// ReadFrom is Read from any stream, read once and forward.
func ReadFrom(r io.Reader, opt ...ReadOptions) (*Record, error) {
	rec, _, err := readAll(r, opt...)
	return rec, err
}

// readAll also gives the state of the file, which Resume needs.
func readAll(r io.Reader, opt ...ReadOptions) (*Record, *scanner, error) {
	dec, err := newDecoder()
	if err != nil {
		return nil, nil, err
	}
	defer dec.Close()
	s := &scanner{in: bufio.NewReaderSize(r, 1<<18), dec: dec, out: NewCollector(), cells: map[string]string{}}
	for _, o := range opt {
		s.opt = o
	}
	if err := s.run(); err != nil {
		return nil, s, err
	}
	rec := s.out.Record()
	rec.Torn, rec.Lost, rec.Loss = s.loss != "", s.lost, s.loss
	if rec.Run == nil {
		return rec, s, ErrNoRun
	}
	return rec, s, nil
}

// scanner walks over the frames of a file.
type scanner struct {
	in    *bufio.Reader
	dec   *zstd.Decoder
	out   *Collector
	opt   ReadOptions
	good  int64 // bytes up to the end of the last good frame
	lost  int64 // bytes after it
	loss  string
	whole bool // what was lost is not just a frame that was cut off

	packed bytes.Buffer
	raw    []byte
	cells  map[string]string
}

// run reads to the end of what can be read. It fails only when the file is no
// record of this version, or when the disk fails.
func (s *scanner) run() error {
	if ok, err := s.header(); err != nil || !ok {
		return err
	}
	for {
		n, err := s.frame()
		switch {
		case err == nil:
			s.good += n
		case err == io.EOF:
			return nil
		case errors.Is(err, ErrNewer):
			return err
		default:
			return s.stop(n, err)
		}
	}
}

// header checks the first bytes. ok is false when there is nothing after them.
func (s *scanner) header() (ok bool, err error) {
	head := make([]byte, headerSize)
	n, err := io.ReadFull(s.in, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	}
	whole := fileHeader()
	if m := min(n, len(magic)); !bytes.Equal(head[:m], whole[:m]) {
		return false, fmt.Errorf("%w: it does not begin as one (record.wsr in a run directory is one)", ErrNotRecord)
	}
	if n < headerSize {
		s.lost, s.loss = int64(n), lossText(int64(n), errCut)
		return false, nil
	}
	s.good = int64(n)
	return true, newer(int(binary.LittleEndian.Uint16(head[len(magic):])))
}

func newer(schema int) error {
	if schema > Schema {
		return fmt.Errorf("%w: its schema is %d, this wsrun reads up to %d; use the version that wrote it or a later one", ErrNewer, schema, Schema)
	}
	return nil
}

var (
	errCut     = errors.New("the last frame was cut off")
	errDamaged = errors.New("a frame is damaged")
)

// stop ends the walk at a frame that cannot be read, n bytes of which were
// consumed, and counts what is lost. Any other error than these is the disk's.
func (s *scanner) stop(n int64, why error) error {
	if !errors.Is(why, errCut) && !errors.Is(why, errDamaged) {
		return why
	}
	rest, err := io.Copy(io.Discard, s.in)
	s.lost = n + rest
	s.loss = lossText(s.lost, why)
	s.whole = errors.Is(why, errDamaged)
	return err
}

func lossText(lost int64, why error) string {
	unit := "bytes"
	if lost == 1 {
		unit = "byte"
	}
	return fmt.Sprintf("%v: the last %d %s of the record are dropped", why, lost, unit)
}

// frame reads one frame and hands it on. n is what it took from the file. It gives
// io.EOF at a clean end.
func (s *scanner) frame() (n int64, err error) {
	var head [frameHead]byte
	m, err := io.ReadFull(s.in, head[:])
	if err != nil {
		if err == io.ErrUnexpectedEOF {
			err = errCut
		}
		return int64(m), err
	}
	size := binary.LittleEndian.Uint32(head[1:])
	if size > maxPayload {
		return frameHead, fmt.Errorf("%w: it claims %d bytes", errDamaged, size)
	}
	s.packed.Reset() // grows with what is there, not with what is claimed
	got, err := io.CopyN(&s.packed, s.in, int64(size))
	n = frameHead + got
	if err == io.EOF {
		return n, errCut
	}
	if err != nil {
		return n, err
	}
	if checksum(head[:5], s.packed.Bytes()) != binary.LittleEndian.Uint32(head[5:]) {
		return n, fmt.Errorf("%w: its checksum is wrong", errDamaged)
	}
	return n, s.payload(Kind(head[0]))
}

// payload unpacks a frame's payload and hands its content on.
func (s *scanner) payload(k Kind) error {
	f := emptyFrame(k)
	if f == nil && (k != KindRequest || s.opt.SkipRequests) {
		return nil
	}
	var err error
	if s.raw, err = s.dec.DecodeAll(s.packed.Bytes(), s.raw[:0]); err != nil {
		return fmt.Errorf("%w: its payload cannot be unpacked (%v)", errDamaged, err)
	}
	if k == KindRequest {
		return s.requests()
	}
	if err := json.Unmarshal(s.raw, f); err != nil {
		return fmt.Errorf("%w: its payload is no %T (%v)", errDamaged, f, err)
	}
	if run, ok := f.(*Run); ok {
		if err := newer(run.Schema); err != nil {
			return err
		}
	}
	s.out.Observe(f)
	return nil
}

func (s *scanner) requests() error {
	raw := s.raw
	if !s.opt.SkipEvents {
		raw = bytes.Clone(raw) // events point into it; only as large as it is full
	}
	reqs, err := decodeBatch(raw, s.opt.SkipEvents, s.intern)
	if err != nil {
		return fmt.Errorf("%w: %v", errDamaged, err)
	}
	for i := range reqs {
		s.out.request(&reqs[i])
	}
	return nil
}

// intern gives the same string for the same cell key of every frame.
func (s *scanner) intern(key []byte) string {
	if have, ok := s.cells[string(key)]; ok {
		return have
	}
	s.cells[string(key)] = string(key)
	return string(key)
}
