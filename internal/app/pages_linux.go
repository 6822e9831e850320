package app

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// letGoOfProgram unmaps the pages of the program's own file. A start reads most of them
// once: tables, descriptions of messages, what every package begins with. They stay in
// the system's cache, from which those that are needed again come back one by one.
func letGoOfProgram() error {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	spans, err := pagesOf(f, path)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, s := range spans {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, s.from, s.to-s.from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("let go of the program's pages: %w", errno)
		}
	}
	return nil
}

// span is addresses of this process.
type span struct{ from, to uintptr }

// pagesOf gives where a file is mapped for reading alone, and no page is another than in
// the file: what was written there, as a linker does, would be lost.
func pagesOf(smaps io.Reader, path string) (spans []span, err error) {
	lines := bufio.NewScanner(smaps)
	var at span
	ours := false
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if !strings.HasSuffix(fields[0], ":") { // a mapping begins
			const pathAt = 5
			ours = len(fields) == pathAt+1 && fields[pathAt] == path && len(fields[1]) == 4 && fields[1][0] == 'r' && fields[1][1] == '-'
			if !ours {
				continue
			}
			if at, err = readSpan(fields[0]); err != nil {
				return nil, err
			}
			continue
		}
		if ours && fields[0] == "Anonymous:" && len(fields) > 1 && fields[1] == "0" {
			spans = append(spans, at)
		}
	}
	return spans, lines.Err()
}

// readSpan reads addresses as the kernel writes them: 00400000-0253e000.
func readSpan(text string) (span, error) {
	from, to, _ := strings.Cut(text, "-")
	a, err := strconv.ParseUint(from, 16, 64)
	b, err2 := strconv.ParseUint(to, 16, 64)
	if err = errors.Join(err, err2); err == nil && b <= a {
		err = errors.New("they are in the wrong order")
	}
	if err != nil {
		return span{}, fmt.Errorf("%q are no addresses: %w", text, err)
	}
	return span{uintptr(a), uintptr(b)}, nil
}
