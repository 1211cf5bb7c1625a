//go:build !linux

package photo

import (
	"os/exec"
	"time"
)

// dieWithParent does nothing where the system has no such thing: the process
// ends when it cannot write its answer.
func dieWithParent(*exec.Cmd) {}

// confine relies on the server, which kills the process when its time is up.
func confine(time.Duration) error { return nil }
