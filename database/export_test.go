package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ListenFast is Listen at a pace that a test can wait for. It is open to the
// tests since the usual one takes a minute.
func ListenFast(ctx context.Context, pool *pgxpool.Pool, channels []string, wake func(string), report func(error)) {
	listen(ctx, pool, channels, wake, report, pace{
		silence: 20 * time.Millisecond,
		answer:  2 * time.Second,
		deaf:    20 * time.Millisecond,
		retry:   5 * time.Millisecond,
		max:     20 * time.Millisecond,
	})
}

// UsualPause is the wait after so many failures in a row.
func UsualPause(failures int) time.Duration { return usualPace.pause(failures) }
