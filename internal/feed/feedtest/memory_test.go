package feedtest

import (
	"testing"

	"akin/internal/feed"
)

func TestMemory(t *testing.T) { Run(t, func(*testing.T) feed.Ledger { return NewMemory() }) }
