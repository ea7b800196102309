package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ListenFast is Listen at a pace that a test can wait for. It is open to the
// tests since the usual one takes a minute. answer is how long an answer may take,
// which is long on a machine that is busy with tests.
func ListenFast(ctx context.Context, pool *pgxpool.Pool, channels []string, wake func(string), report func(error), answer time.Duration) {
	listen(ctx, pool, channels, wake, report, pace{
		silence: 20 * time.Millisecond,
		answer:  answer,
		deaf:    20 * time.Millisecond,
		retry:   5 * time.Millisecond,
		max:     20 * time.Millisecond,
	})
}

// UsualPause is the wait after so many failures in a row.
func UsualPause(failures int) time.Duration { return usualPace.pause(failures) }
