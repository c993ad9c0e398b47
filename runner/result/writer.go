package result

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/wsrun/wsrun/runner/sample"
)

// RecordFile is the name of the record in a run directory.
const RecordFile = "record.wsr"

const (
	flushEvery = time.Second
	flushBytes = 1 << 20   // of requests before packing, or of packed frames
	queueBytes = 256 << 20 // estimated: what may wait for the disk
)

var (
	// ErrQueueFull ends a run whose record the disk cannot take as fast as it comes.
	ErrQueueFull = fmt.Errorf("the disk is too slow for the record: %d MiB wait to be written", queueBytes>>20)
	errClosed    = errors.New("the record is closed")
)

// disk is what the writer needs of a file.
type disk interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
}

// Writer writes a record as it happens. Its Observe never waits for the disk: one
// goroutine encodes and writes. What was observed reaches the file within a second
// and the platters at the end of a point, at Sync and at Close.
type Writer struct {
	// OnError, when set before the first Observe, is called once with the first
	// error: the disk failed or the queue is full. The run should end. It must not
	// block: Observe may be its caller.
	OnError func(error)

	path string
	file disk
	enc  *zstd.Encoder
	wake chan struct{}
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	queue   []item
	waiting int64 // estimated bytes of frames that are not encoded yet
	limit   int64
	dropped int
	err     error
	closed  bool

	// Of the goroutine only.
	batch  batch
	raw    []byte
	packed []byte
	out    []byte // frames that are not written yet
	good   int64  // bytes of the file up to the last whole frame
	dead   bool   // the disk failed: nothing more is written
}

// item is a frame to write or, without one, a wish to be told when all before it
// is on disk.
type item struct {
	frame  Frame
	synced chan struct{}
}

// Create makes a new record. It never overwrites one.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot create the record: %w", err)
	}
	w, err := begin(path, f)
	if err != nil {
		f.Close()
		os.Remove(path) // ours, and without content
		return nil, fmt.Errorf("cannot create the record %s: %w", path, err)
	}
	return w, nil
}

func begin(path string, f *os.File) (*Writer, error) {
	if err := lock(f); err != nil {
		return nil, err
	}
	head := fileHeader()
	if _, err := f.Write(head); err != nil {
		return nil, err
	}
	if err := errors.Join(f.Sync(), syncDir(filepath.Dir(path))); err != nil {
		return nil, err
	}
	return newWriter(path, f, int64(len(head)), queueBytes)
}

// Resume opens a record to append to it, and gives what it holds. What could not be
// read is cut off; where that is more than one unfinished frame it is kept beside
// the record, as path.damaged. A record that another process is writing is refused.
func Resume(path string) (*Writer, *Record, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot resume the record: %w", err)
	}
	w, rec, err := resume(path, f)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("cannot resume the record %s: %w", path, err)
	}
	return w, rec, nil
}

func resume(path string, f *os.File) (*Writer, *Record, error) {
	if err := lock(f); err != nil {
		return nil, nil, err
	}
	rec, s, err := readAll(f)
	if err != nil {
		return nil, nil, err
	}
	if s.whole {
		if err := keepTail(f, s.good, path+".damaged"); err != nil {
			return nil, nil, err
		}
	}
	if err := f.Truncate(s.good); err != nil {
		return nil, nil, err
	}
	if _, err := f.Seek(s.good, io.SeekStart); err != nil {
		return nil, nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, nil, err
	}
	w, err := newWriter(path, f, s.good, queueBytes)
	return w, rec, err
}

// keepTail appends what stands in f from offset from on to the file at path.
func keepTail(f *os.File, from int64, path string) error {
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return errors.Join(err, to.Sync(), to.Close())
}

func newWriter(path string, f disk, good, limit int64) (*Writer, error) {
	enc, err := newEncoder()
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, file: f, enc: enc, good: good, limit: limit, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w, nil
}

// Observe queues a frame; frames reach the file in the order of the calls. The
// frame must not be changed after. Once something failed, or after Close, frames
// are dropped and counted.
func (w *Writer) Observe(f Frame) {
	size := estimate(f)
	w.mu.Lock()
	var report error
	switch {
	case w.closed || w.err != nil:
		w.dropped++
	case w.waiting+size > w.limit:
		w.dropped++
		w.err = fmt.Errorf("%s: %w", w.path, ErrQueueFull)
		report = w.err
	default:
		w.waiting += size
		w.queue = append(w.queue, item{frame: f})
	}
	w.mu.Unlock()
	w.poke()
	w.report(report)
}

// estimate is about what a frame takes in memory, in bytes.
func estimate(f Frame) int64 {
	const each = 512
	switch f := f.(type) {
	case *Request:
		return each + int64(len(f.Events)+len(f.Err))
	case *Scrape:
		return each + 64*int64(len(f.Values))
	case *Period:
		return each + 64*int64(len(f.Row))
	case *Run:
		return each + 16<<10
	}
	return each
}

// Sync waits until all that was observed before is on disk, and gives the first
// error of the writer.
func (w *Writer) Sync() error {
	it := item{synced: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errors.Join(errClosed, w.Err())
	}
	w.queue = append(w.queue, it)
	w.mu.Unlock()
	w.poke()
	<-it.synced
	return w.Err()
}

// Close writes what is queued, syncs and closes the file. It gives the first error
// of the writer's life, and how many frames were dropped because of it.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.poke()
	<-w.done
	if n := w.Dropped(); n > 0 && w.Err() != nil {
		return fmt.Errorf("%w; %d later frames were not written", w.Err(), n)
	}
	return w.Err()
}

// Err gives the first error, nil when there is none.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Dropped counts the frames that were not written.
func (w *Writer) Dropped() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

func (w *Writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Writer) report(err error) {
	if err != nil && w.OnError != nil {
		w.OnError(err)
	}
}

// run encodes and writes until Close.
func (w *Writer) run() {
	defer close(w.done)
	var due <-chan time.Time // of the next flush, nil when nothing waits for one
	for {
		items, closed := w.take()
		for _, it := range items {
			w.do(it)
		}
		if closed && len(items) == 0 {
			break
		}
		switch unwritten := len(w.out) > 0 || !w.batch.empty(); {
		case !unwritten:
			due = nil
		case due == nil:
			due = time.After(flushEvery)
		}
		select {
		case <-due:
			w.flush(false)
			due = nil
		case <-w.wake:
		}
	}
	w.flush(true)
	if err := w.file.Close(); err != nil {
		w.fail(err)
	}
	w.enc.Close()
}

// take empties the queue.
func (w *Writer) take() (items []item, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	items, w.queue = w.queue, nil
	if len(items) > 0 {
		w.poke() // look again before ending
	}
	return items, w.closed
}

func (w *Writer) do(it item) {
	if it.frame == nil {
		w.flush(true)
		close(it.synced)
		return
	}
	if w.dead {
		w.mu.Lock()
		w.dropped++
		w.mu.Unlock()
	} else {
		w.encode(it.frame)
	}
	w.mu.Lock()
	w.waiting -= estimate(it.frame)
	w.mu.Unlock()
}

func (w *Writer) encode(f Frame) {
	if r, ok := f.(*Request); ok {
		w.request(&r.Request)
	} else {
		w.endBatch()
		raw, err := encodeJSON(f)
		if err == nil && len(raw) > maxPayload {
			err = fmt.Errorf("%d bytes are too many for one frame", len(raw))
		}
		if err != nil {
			w.fail(fmt.Errorf("a %T cannot be encoded: %w", f, err))
			return
		}
		w.frame(f.Kind(), raw)
	}
	switch {
	case endsPoint(f):
		w.flush(true)
	case len(w.out) >= flushBytes:
		w.flush(false)
	}
}

// request adds a request to the batch. Events that alone would not fit a frame
// (over ten million) are left out, and that is said.
func (w *Writer) request(r *sample.Request) {
	if len(r.Events) > maxPayload/2 {
		c := *r
		c.Events = nil
		c.Err += " (its token events were too many to be recorded)"
		r = &c
	}
	w.batch.add(r)
	if w.batch.size() >= flushBytes {
		w.endBatch()
	}
}

func (w *Writer) endBatch() {
	if w.batch.empty() {
		return
	}
	w.raw = w.batch.payload(w.raw[:0])
	w.frame(KindRequest, w.raw)
}

func (w *Writer) frame(k Kind, raw []byte) {
	w.packed = w.enc.EncodeAll(raw, w.packed[:0])
	w.out = appendFrame(w.out, k, w.packed)
}

// endsPoint reports whether what was measured so far must outlive a power cut: the
// end of a point or unit, and what opens a session.
func endsPoint(f Frame) bool {
	switch f := f.(type) {
	case *Run:
		return true
	case *Phase:
		return f.Phase == PhaseMeasure
	case *Cell:
		return f.State != CellBegin
	}
	return false
}

// flush writes what was encoded. When the disk fails, what was written before
// stays, without half a frame at its end where the disk still lets that be cut off.
func (w *Writer) flush(sync bool) {
	w.endBatch()
	if w.dead {
		return
	}
	if len(w.out) > 0 {
		if _, err := w.file.Write(w.out); err != nil {
			w.dead = true
			err = errors.Join(err, w.file.Truncate(w.good))
			w.fail(err)
			return
		}
		w.good += int64(len(w.out))
		w.out = w.out[:0]
	}
	if sync {
		if err := w.file.Sync(); err != nil {
			w.dead = true
			w.fail(err)
		}
	}
}

// fail remembers the first error and tells it.
func (w *Writer) fail(err error) {
	err = fmt.Errorf("cannot write the record %s: %w; what was written before is kept", w.path, err)
	w.mu.Lock()
	first := w.err == nil
	if first {
		w.err = err
	}
	w.mu.Unlock()
	if first {
		w.report(err)
	}
}

// syncDir makes a new name in a directory outlive a power cut.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // directories cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
