//go:build soak

package weather

import (
	"context"
	"slices"
	"time"
)

// look notes what the replicas hold, and which key signs.
func (s *soak) look(int) {
	sum := 0.0
	for _, r := range s.replicas {
		_, page, err := s.get(context.WithoutCancel(s.Context()), r.Admin+"/metrics")
		if err != nil {
			s.fail("/metrics: %v", err)
			return
		}
		sum += s.metric(page, "process_resident_memory_bytes") / (1 << 20)
		s.last = int(s.metric(page, "issuer_key_signing_generation"))
	}
	if s.first == 0 {
		s.first = s.last
	}
	s.memory = append(s.memory, sum)
}

// fail counts a failure, and tells of the first few.
func (s *soak) fail(format string, args ...any) {
	if s.failed.Add(1) <= 10 {
		s.Errorf(format, args...)
	}
}

// report says how it went, and fails where memory has grown.
func (s *soak) report(span time.Duration) {
	s.Helper()
	if len(s.memory) < 3 {
		s.Fatalf("memory was looked at %d times", len(s.memory))
	}
	third := len(s.memory) / 3
	start, middle, end := median(s.memory[:third]), median(s.memory[third:2*third]), median(s.memory[2*third:])
	s.Logf("%v: %d tokens asked for, shown %d times to %d engines, %d failures, %d rotations; memory of both replicas %.0f, %.0f, %.0f MiB (start, middle, end)",
		span, s.minted.Load(), s.shown.Load(), len(s.engines), s.failed.Load(), s.last-s.first, start, middle, end)
	if end > middle*1.2+8 {
		s.Errorf("memory grows: %.0f MiB at the end, %.0f in the middle", end, middle)
	}
	for _, r := range s.replicas {
		s.quit(r)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
