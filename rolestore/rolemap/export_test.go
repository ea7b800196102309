package rolemap

import (
	"context"
	"time"
)

// Refresh is what Run does again and again.
func (c *Catalog) Refresh(ctx context.Context) error { return c.refresh(ctx) }

// SetClock makes it another time.
func (c *Catalog) SetClock(now func() time.Time) { c.now = now }
