package rolestore

import "time"

// SetClock gives the store another clock than the machine's.
func (p *Postgres) SetClock(now func() time.Time) { p.now = now }
