//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart puts a child into a process group of its own: ^C on the terminal reaches
// wsrun alone, so that the server is still there while requests drain.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endSignals are what asks wsrun to end.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
