package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart puts a child into a process group of its own: ^C in the console reaches
// wsrun alone, so that the server is still there while requests drain.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// giveWay does nothing here: both processes have their CPUs as the system gives them.
func giveWay(*exec.Cmd) error { return nil }

// endSignals are what asks wsrun to end.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
