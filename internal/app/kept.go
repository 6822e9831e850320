package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/store"
)

// engineModel is what the server embeds with.
type engineModel = engine.Model

// keptFile says, in a data directory, where its model is.
const keptFile = "model.json"

const keptFormat = "akin.model.v1"

// kept is what a data directory remembers of its model.
type kept struct {
	// space is that of its vectors.
	space paper.Space
	// explicit says that the configuration names a model of its own.
	explicit bool
}

// keptModel is the file: only where the model is, since the store has its space.
type keptModel struct {
	Format   string `json:"format"`
	Model    string `json:"model"`
	ModelDir string `json:"model_dir,omitempty"`
}

// follow makes the configuration name the model that the data directory was made
// with, unless it names one itself. It gives nil for a directory that has no
// vectors yet.
func (c *Config) follow(s *store.Store) (*kept, error) {
	collection, err := s.Collection(paper.DefaultCollection)
	if paper.KindOf(err) == paper.NotFound {
		return nil, nil //nolint:nilnil // there is nothing to follow yet
	}
	if err != nil {
		return nil, err
	}
	k := c.followSpace(collection.Space)
	if c.named {
		return k, nil
	}
	raw, err := os.ReadFile(filepath.Join(c.Data, keptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil // of the time before there was one
	}
	if err != nil {
		return nil, fmt.Errorf("read which model the data directory has: %w", err)
	}
	var file keptModel
	if err := json.Unmarshal(raw, &file); err != nil || file.Format != keptFormat {
		return nil, &paper.Error{
			Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
			Message: fmt.Sprintf("%s does not say where a model is; remove it, and name the model with --model or --model-dir once", filepath.Join(c.Data, keptFile)),
		}
	}
	if file.Model == collection.Space.Model { // else the directory was taken to another model meanwhile
		c.ModelDir = file.ModelDir
	}
	return k, nil
}

// followSpace makes the configuration name the model of a space, unless it names one
// itself.
func (c *Config) followSpace(space paper.Space) *kept {
	if c.Precision == Auto || !c.named { // it goes on as it began
		c.Precision = precisionOf(space)
	}
	if !c.named {
		c.Model = space.Model
	}
	return &kept{space: space, explicit: c.named}
}

// keep writes where the model is, if it is not there already.
func (c *Config) keep(space paper.Space) error {
	file := keptModel{Format: keptFormat, Model: space.Model}
	if c.ModelDir != "" {
		dir, err := filepath.Abs(c.ModelDir)
		if err != nil {
			return fmt.Errorf("remember the model: %w", err)
		}
		file.ModelDir = dir
	}
	raw, err := json.Marshal(file)
	if err != nil {
		return fmt.Errorf("remember the model: %w", err)
	}
	raw = append(raw, '\n')
	path := filepath.Join(c.Data, keptFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(raw) {
		return nil
	}
	if err := pending.WriteFile(path, raw, 0o644); err != nil {
		return fmt.Errorf("remember the model: %w", err)
	}
	return nil
}
