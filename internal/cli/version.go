package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// What the linker sets: the version, the commit it was built from and the day of
// that commit.
//
//nolint:gochecknoglobals // set by the linker
var (
	Version = "0.1.0-dev"
	Commit  = ""
	Date    = ""
)

// versionText says what this program is. A program that was not built by the
// Makefile knows its commit from the toolchain.
func versionText() string {
	commit, date := Commit, Date
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.time":
				date = s.Value[:min(len("2006-01-02"), len(s.Value))]
			}
		}
	}
	text := "akin " + Version
	if commit != "" {
		text += fmt.Sprintf(" (commit %.12s of %s)", commit, date)
	}
	return text + fmt.Sprintf(", %s, %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(e *environment) error {
	_, err := fmt.Fprintln(e.out, versionText())
	return err
}
