package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"akin/internal/app"
)

// lookEvery is how often it is looked whether the configuration file has changed.
const lookEvery = 2 * time.Second

// reread reads the settings of a command line anew, as akin serve has them.
func (e *environment) reread(args []string) app.Change {
	var cmds commands
	fresh := &environment{ctx: e.ctx, out: newScreen(io.Discard), errOut: newScreen(io.Discard), display: io.Discard, args: args}
	parser, err := newParser(&cmds, fresh, args, func(int) {})
	if err != nil {
		return app.Change{Err: err}
	}
	faults := fresh.readSettings(parser)
	if len(faults) > 0 {
		return app.Change{Err: withFaults(faults, nil)}
	}
	parsed, err := parse(parser, args)
	if err != nil {
		return app.Change{Err: err}
	}
	fresh.config, fresh.log = cmds.config(), e.log
	fresh.settings = settingsOf(parser, parsed, fresh.file)
	config, err := cmds.Serve.serverConfig(fresh)
	if err == nil {
		err = config.Check()
	}
	if err != nil {
		return app.Change{Err: fresh.placed(err)}
	}
	change := app.Change{Config: config}
	for i, s := range fresh.settings {
		if i < len(e.settings) && s.text == e.settings[i].text {
			continue
		}
		change.Changed = append(change.Changed, s.flag.Name)
		if !s.live() {
			change.Restart = append(change.Restart, s.flag.Name)
		}
	}
	e.adopt(fresh, cmds.LogLevel)
	return change
}

// watchSettings sends the settings, read anew, when SIGHUP comes or the configuration
// file changes. The terminal that the server was started from may go: that only has
// them read. stop ends the watch.
func (e *environment) watchSettings(to chan<- app.Change) (stop func()) {
	ctx, cancel := context.WithCancel(e.ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var done sync.WaitGroup
	done.Go(func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		file := newWatched(configPath(e.args))
		for {
			select {
			case <-hangups:
				file.took()
			case <-look.C:
				if !file.changed() {
					continue
				}
			case <-ctx.Done():
				return
			}
			select {
			case to <- e.reread(e.args):
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		signal.Stop(hangups)
		cancel()
		done.Wait()
	}
}

// watchedFile is a file that is looked at now and then.
type watchedFile struct {
	path   string
	digest []byte
	// seen is what was there the last time: a file is only taken once it is the same
	// for the time between two looks, so that one that is being written is left alone.
	seen []byte
}

func newWatched(path string) *watchedFile {
	w := &watchedFile{path: path}
	w.took()
	return w
}

// read gives the digest of what is there; that of nothing if it cannot be read.
func (w *watchedFile) read() []byte {
	if w.path == "" {
		return nil
	}
	raw, err := os.ReadFile(w.path)
	if err != nil {
		raw = []byte("cannot be read")
	}
	sum := sha256.Sum256(raw)
	return sum[:]
}

// took notes that what is there now is read, whatever it is.
func (w *watchedFile) took() {
	w.digest = w.read()
	w.seen = w.digest
}

// changed says whether another file is there, and has been since the last look.
func (w *watchedFile) changed() bool {
	now := w.read()
	settled := bytes.Equal(now, w.seen)
	w.seen = now
	if !settled || bytes.Equal(now, w.digest) {
		return false
	}
	w.digest = now
	return true
}

// adopt takes what of other settings changes at once. Of the others, what runs stays
// what they are compared with, so that each reading says that they need a restart.
func (e *environment) adopt(fresh *environment, level slog.Level) {
	e.level.Set(level)
	if len(e.settings) != len(fresh.settings) { // there were none yet
		e.settings, e.file = fresh.settings, fresh.file
		return
	}
	for i, s := range fresh.settings {
		if s.live() {
			e.settings[i] = s
		}
	}
}
