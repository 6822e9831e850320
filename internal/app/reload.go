package app

import (
	"context"
	"errors"
	"fmt"
)

// Change is a configuration that was read anew.
type Change struct {
	Config Config
	// Err is why it cannot be used: what there was stays.
	Err error
	// Changed names the settings that differ, and Restart those of them that a running
	// server cannot take.
	Changed, Restart []string
	// Done, if it is not nil, is told what came of it.
	Done chan<- error
}

// reload applies a changed configuration to one part.
type reload struct {
	part  string
	apply func(Config) error
}

// onReload has a part take configurations that were read anew. apply is called with
// each, changed or not, since files that settings name may have changed: it takes all
// of it or, with an error, nothing. It must not block on calls under way.
func (a *App) onReload(part string, apply func(Config) error) {
	a.reloads = append(a.reloads, reload{part, apply})
}

// wait waits for the end of ctx or the failure of a listener, and applies changes of
// the configuration meanwhile.
func (a *App) wait(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			a.log.Info("stopping")
			return nil
		case err := <-a.failed:
			return err
		case change := <-a.config.Changes:
			err := a.change(change)
			if change.Done != nil {
				change.Done <- err
			}
		}
	}
}

// change applies what can change without a restart, to each part that can take it; the
// others keep what they had.
func (a *App) change(c Change) error {
	if c.Err != nil {
		a.log.Error("the new configuration cannot be used; the old one stays in force", "error", c.Err)
		a.telemetry.Reloaded(false)
		return c.Err
	}
	var errs []error
	for _, r := range a.reloads {
		if err := r.apply(c.Config); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.part, err))
		}
	}
	a.telemetry.Change(c.Config.Telemetry.Live)
	err := errors.Join(errs...)
	a.telemetry.Reloaded(err == nil)
	if err != nil {
		a.log.Error("not all of the new configuration could be applied; what could not stays as it was", "error", err)
	}
	if len(c.Restart) > 0 {
		a.log.Warn("settings were changed that need a restart; until then the server goes on with the old ones", "settings", c.Restart)
	}
	// Said at a level that is logged by default: whoever asked wants to know.
	a.log.Warn("the configuration was read anew", "changed", c.Changed)
	return err
}
