package notify

import (
	"context"
	"time"
)

// Round sends all that is due and says when the next is: what Run does between its waits.
func (s *Digests) Round(ctx context.Context) (time.Time, error) { return s.round(ctx) }

// DateOf is dateOf.
var DateOf = dateOf
