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

// giveWay lowers the priority of a child's threads, those it has and those it will have.
// Where both want the same CPU the load generator goes first: a server that is woken by a
// request would else push aside the very thread that is about to stamp it as written.
func giveWay(cmd *exec.Cmd) error {
	return syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, 10)
}

// endSignals are what asks wsrun to end.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
