//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package result

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps a second process from appending to a record that is being written.
// The lock ends with the process, however it ends. A file system without locks is
// no reason not to measure.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("another process is writing it: the run still goes on")
	}
	return nil
}
