package term

import (
	"fmt"
	"io"
	"strings"
)

// Block redraws a few lines in place. Each frame is one Write, inside the marks
// of synchronized output, so that a terminal that knows them never shows half of
// one. It is not safe for concurrent use: one goroutine owns it.
type Block struct {
	w     io.Writer
	width func() int
	drawn int // lines on the screen
}

// NewBlock draws to w; width gives the terminal's columns at each redraw (0:
// unknown, then 80), because people resize their windows.
func NewBlock(w io.Writer, width func() int) *Block { return &Block{w: w, width: width} }

const (
	syncOn  = "\x1b[?2026h"
	syncOff = "\x1b[?2026l"
	erase   = "\x1b[K" // to the end of the line
	below   = "\x1b[J" // to the end of the screen
)

// Draw replaces the block. above are lines to print for good, over the
// block, broken at spaces where they are too long.
// Lines of the block are cut to the terminal's width: a line that wrapped would
// take two rows, and the next redraw would go up too few.
func (b *Block) Draw(above, lines []string) error {
	var s strings.Builder
	s.WriteString(syncOn)
	b.home(&s)
	width := b.width()
	if width <= 0 {
		width = 80
	}
	for _, l := range above {
		for _, row := range strings.Split(Wrap(l, "  ", width), "\n") {
			s.WriteString(row + erase + "\n")
		}
	}
	for _, l := range lines {
		s.WriteString(Cut(l, width-1) + erase + "\n")
	}
	s.WriteString(below + syncOff)
	b.drawn = len(lines)
	_, err := io.WriteString(b.w, s.String())
	return err
}

func (b *Block) home(s *strings.Builder) {
	if b.drawn > 0 {
		fmt.Fprintf(s, "\x1b[%dA", b.drawn)
	}
	s.WriteByte('\r')
}

// Bar is a progress bar of width cells for a share of 0..1.
func Bar(share float64, width int) string {
	if !(share > 0) {
		share = 0
	}
	if share > 1 {
		share = 1
	}
	full := int(share * float64(width))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}
