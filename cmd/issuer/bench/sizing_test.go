package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestAMillionUsersAskAsOftenAsTheSizingPageSays plays an hour of a million users who sign in within a quarter of an hour and
// renew their tokens as clients do: at 80 % of their life, with a jitter of a twentieth of it.
func TestAMillionUsersAskAsOftenAsTheSizingPageSays(t *testing.T) {
	t.Parallel()
	const (
		users  = 1_000_000
		life   = 5 * time.Minute
		signIn = 15 * time.Minute
		hour   = time.Hour
	)
	random := rand.New(rand.NewPCG(1, 2))
	asked := make([]int, int(hour/time.Second))
	for range users {
		for at := time.Duration(random.Int64N(int64(signIn))); at < hour; {
			asked[int(at/time.Second)]++
			at += time.Duration(float64(life) * (0.8 + 0.05*(2*random.Float64()-1)))
		}
	}
	steady := asked[int((signIn+life)/time.Second):] // everybody is there
	total := 0
	for _, n := range steady {
		total += n
	}
	mean, want := float64(total)/float64(len(steady)), users/(0.8*life.Seconds())
	if mean < 0.98*want || mean > 1.02*want {
		t.Errorf("%.0f exchanges a second, the page says %.0f", mean, want)
	}
	if peak := float64(slices.Max(steady)); peak > 1.3*want {
		t.Errorf("a second with %.0f exchanges, the page says %.0f at most", peak, 1.3*want)
	}
}
