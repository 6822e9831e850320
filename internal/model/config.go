package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"akin/internal/pending"
)

// writeConfig writes the configuration that a manifest has for the model, unless the
// directory has one that says the same.
func (m *Manifest) writeConfig(dir string) error {
	if m.Config == nil || m.verifyConfig(dir) == nil {
		return nil
	}
	raw, err := json.MarshalIndent(m.Config, "", "  ")
	if err != nil {
		return fmt.Errorf("write model configuration: %w", err)
	}
	return pending.WriteFile(filepath.Join(dir, ConfigFile), append(raw, '\n'), 0o644)
}

// verifyConfig says whether the configuration of a directory is that of the manifest,
// in what the graph needs of it.
func (m *Manifest) verifyConfig(dir string) error {
	if m.Config == nil {
		return nil
	}
	have, err := ReadConfig(filepath.Join(dir, ConfigFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing: %w", filepath.Join(dir, ConfigFile), err)
	case err != nil:
		return err
	case have != *m.Config:
		return fmt.Errorf("%s is not that of %s", filepath.Join(dir, ConfigFile), m.Name)
	}
	return nil
}
