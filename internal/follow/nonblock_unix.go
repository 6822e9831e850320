//go:build unix

package follow

import "syscall"

// nonblock keeps the opening of what turned into a pipe meanwhile from waiting.
const nonblock = syscall.O_NONBLOCK
