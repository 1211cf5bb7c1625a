package photo

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// dieWithParent has a process killed when the server ends, however it ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// confine holds this process to its task, so that even a decoder that was taken
// over could do little: processor time, no files written, and others first.
func confine(limit time.Duration) error {
	seconds := uint64(limit/time.Second) + 1 //nolint:gosec // a limit of time is positive
	for resource, most := range map[int]uint64{
		syscall.RLIMIT_CPU:   seconds,
		syscall.RLIMIT_FSIZE: 0,
		syscall.RLIMIT_CORE:  0,
	} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit a resource: %w", err)
		}
	}
	const niceness = 5 // of 19: a third of the share of ordinary photos and requests
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness); err != nil {
		return fmt.Errorf("give way to others: %w", err)
	}
	return nil
}
