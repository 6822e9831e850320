package harvest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"akin/internal/paper"
	"akin/internal/pending"
)

// stateFile says, beside the answers, what comes next.
const stateFile = "harvest.json"

const stateFormat = "akin.harvest.v1"

// state is where a harvest is.
type state struct {
	Format  string `json:"format"`
	BaseURL string `json:"base_url"`
	Set     string `json:"set"`
	Prefix  string `json:"metadata_prefix"`
	// From is the day that the harvest was told to begin with, if it was.
	From string `json:"from,omitempty"`
	// Next and Last are the days of the window under way.
	Next string `json:"next"`
	Last string `json:"last,omitempty"`
	// Token asks for the window's next page; Page pages are saved.
	Token string `json:"resumption_token,omitempty"`
	Page  int    `json:"page,omitempty"`
}

// load reads the state and says whether there is one.
func (s *state) load(c Config) (found bool, err error) {
	path := filepath.Join(c.Dir, stateFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		*s = state{Format: stateFormat, BaseURL: c.BaseURL, Set: c.Set, Prefix: c.Prefix}
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the state: %w", err)
	}
	if err := json.Unmarshal(raw, s); err != nil || s.Format != stateFormat {
		return false, &paper.Error{
			Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
			Message: fmt.Sprintf("%s is not the state of a harvest; remove it to begin anew", path),
		}
	}
	if s.BaseURL != c.BaseURL || s.Set != c.Set || s.Prefix != c.Prefix {
		return false, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("%s holds a harvest of %s (set %q, format %s), not of %s (set %q, format %s); name another directory",
				c.Dir, s.BaseURL, s.Set, s.Prefix, c.BaseURL, c.Set, c.Prefix),
		}
	}
	return true, nil
}

func (s *state) save(c Config) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if err := pending.WriteFile(filepath.Join(c.Dir, stateFile), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

// save writes an answer, compressed, before the state says that it is there.
func save(path string, body []byte) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		return fmt.Errorf("compress %s: %w", path, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress %s: %w", path, err)
	}
	if err := pending.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
