package ratelimit

// Buckets returns how many buckets a limiter remembers in process.
func Buckets(l *Limiter) int {
	entries, _ := l.memory.buckets.Size()
	return entries
}

// MaxBuckets is how many that are at most.
const MaxBuckets = maxBuckets
