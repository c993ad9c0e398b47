package main

import (
	"os/exec"
	"syscall"
	"testing"
)

// A child gives way to the load generator, with all its threads: the priority is set for
// its process group.
func TestGiveWay(t *testing.T) {
	c := exec.Command("sleep", "60")
	apart(c)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill() // it sleeps
		_ = c.Wait()         // killed
	}()
	before, err := syscall.Getpriority(syscall.PRIO_PROCESS, c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := giveWay(c); err != nil {
		t.Fatal(err)
	}
	// The kernel tells 20 - nice.
	after, err := syscall.Getpriority(syscall.PRIO_PROCESS, c.Process.Pid)
	if err != nil || after != 10 {
		t.Errorf("nice %d before, %d after (%v), want 10", 20-before, 20-after, err)
	}
}
