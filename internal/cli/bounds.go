package cli

import (
	"time"

	"akin/internal/app"
)

// boundFlags say how much a server lets callers ask.
type boundFlags struct {
	MaxWait time.Duration            `name:"max-wait" help:"How long a call may be expected to wait for its turn; others are refused at once." default:"1s" env:"AKIN_MAX_WAIT" placeholder:"TIME"`
	Timeout map[string]time.Duration `help:"How long calls of a kind may take: read (30s), query (1m), write (1m), bulk (10m); and how long a stream may stand still (15m). 0 is no limit." env:"AKIN_TIMEOUT" placeholder:"KIND=TIME"`
}

func (f boundFlags) bound(config *app.Config) {
	config.Admission.MaxWait, config.Timeouts = f.MaxWait, f.Timeout
}
