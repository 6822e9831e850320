package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"akin/internal/access"
	"akin/internal/engine"
	"akin/internal/source"
	"akin/internal/source/logbook"
	"akin/internal/telemetry"
)

// SourceSettings are what a configuration says of sources.
type SourceSettings = source.Settings

// SourceConfig is one source of a configuration.
type SourceConfig = source.Config

// SourceFault is what is wrong with a field of a source.
type SourceFault = source.Fault

// SourceColumns are the fields of a source in a configuration file.
func SourceColumns() []string { return source.Columns() }

// ParseSource reads a source of a configuration file; see source.Parse.
func ParseSource(values map[string]string) (SourceConfig, []SourceFault) { return source.Parse(values) }

// sourceFaults says what is wrong with the settings of sources.
func sourceFaults(s SourceSettings) (errs []error) {
	for _, v := range s.Check() {
		setting, field, of := strings.Cut(v.Field, "[")
		message := v.Description
		if of { // sources[0].url
			number, column, _ := strings.Cut(field, "].")
			message = fmt.Sprintf("has a fault in its entry %s (counted from 0): %s %s", number, column, message)
		}
		errs = append(errs, Fault{setting, message})
	}
	return errs
}

// openSources makes what keeps sources. They are followed by servers alone: a command on
// a data directory runs them when it is asked to.
func (a *App) openSources(ctx context.Context, e *engine.Engine) error {
	if a.store == nil {
		return nil
	}
	m, err := source.New(ctx, source.Options{
		Book: logbook.New(a.store.DB(), a.store.Moved), Papers: e, Settings: a.config.sources(), Version: a.config.Version,
		Writable: a.mayWrite, Log: a.log, Told: a.ran,
	})
	if err != nil {
		return err
	}
	a.onClose(m.Close)
	a.sources = m
	a.server.KeepSources(m)
	a.onReload("sources", func(c Config) error { return m.Configure(ctx, c.sources()) })
	return nil
}

// sources are the settings of sources, which are told where this server is if they are
// told no other contact.
func (c Config) sources() SourceSettings {
	s := c.Sources
	if told := (SourceSettings{Contact: c.PublicURL}); s.Contact == "" && len(told.Check()) == 0 {
		s.Contact = told.Contact
	}
	return s
}

// mayWrite says why papers cannot be changed.
func (a *App) mayWrite() error {
	if err := errors.Join(a.store.Refusal(), a.rightful()); err != nil {
		return err
	}
	return a.store.Damage()
}

// ran writes down what a run changed.
func (a *App) ran(c source.Config, run source.Run) {
	changed := run.Counts.New + run.Counts.Changed + run.Counts.Removed
	if a.gate.audit == nil || changed == 0 && run.Outcome != source.Failed {
		return
	}
	event := &access.Event{
		Time: time.Now(), Owner: access.LocalOwner, Action: "source.run", Collection: c.Collection, Papers: int(changed), Subject: c.Name, Result: "OK",
	}
	if run.Outcome == source.Failed {
		event.Result = "Failed"
	}
	a.gate.audit.Record(event)
}

// fetched are the figures of sources.
func (a *App) fetched() (all []telemetry.Fetched) {
	if a.sources == nil {
		return nil
	}
	for _, s := range a.sources.List() {
		st := &s.State
		all = append(all, telemetry.Fetched{
			Source: s.Config.Name, Collection: s.Config.Collection,
			New: st.Total.New, Changed: st.Total.Changed, Known: st.Total.Known, Removed: st.Total.Removed, Refused: st.Total.Refused,
			Runs: st.Runs, Failures: st.FailuresTotal, InARow: st.Failures, Succeeded: st.Succeeded, Delivered: st.Delivered,
			Paused: !st.Paused.IsZero(), Stale: !st.Stale.IsZero(), Every: s.Config.Every,
		})
	}
	return all
}
