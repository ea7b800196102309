package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	monthsEvery   = time.Hour
	monthsTimeout = 10 * time.Second
)

// Months makes the tables of this month and of the next two, and drops those whose month was over keep months ago; 0 keeps
// them all. It returns the names of the tables that it made and dropped. Any number may run at once, and where another does,
// it returns nothing. It fails with ErrNoAudit, or where the database cannot be asked.
func Months(ctx context.Context, pool *pgxpool.Pool, keep int) (made, dropped []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, monthsTimeout)
	defer cancel()
	err = pool.QueryRow(ctx, `SELECT made, dropped FROM issuer.audit_months($1)`, keep).Scan(&made, &dropped)
	if hasState(err, "42883", "3F000") {
		return nil, nil, ErrNoAudit
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make and drop the months of the audit: %w", err)
	}
	return made, dropped, nil
}

// KeepMonths calls Months hourly until ctx ends. It hands report each failure, and nil once one is over; done what was changed.
func KeepMonths(ctx context.Context, pool *pgxpool.Pool, keep int, report func(error), done func(made, dropped []string)) {
	ticker := time.NewTicker(monthsEvery)
	defer ticker.Stop()
	failed := false
	for {
		made, dropped, err := Months(ctx, pool, keep)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			report(err)
		case failed:
			report(nil)
		}
		failed = err != nil
		if len(made)+len(dropped) > 0 {
			done(made, dropped)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
