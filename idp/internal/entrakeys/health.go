package entrakeys

import (
	"fmt"
	"time"
)

// lateAfter is half of what the last good set lives, and a dozen refreshes that should have come.
const lateAfter = 12 * time.Hour

// Health returns nil while a set is held, else an error that wraps ErrUnavailable. From memory.
func (s *Source) Health() error {
	if s.Held() == nil {
		return fmt.Errorf("%s: %w", s.publisher.name, ErrUnavailable)
	}
	return nil
}

// Late reports whether the set that is held should have been renewed long ago. From memory.
func (s *Source) Late() bool {
	set := s.Held()
	return set != nil && s.now().Sub(set.fetched) > lateAfter
}

// Failing reports whether a set is held and the last fetch failed: whose keys are held comes in, and nobody with a new
// key does. From memory.
func (s *Source) Failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outcome != nil && s.Held() != nil
}

// Offset returns what the last answer with a Date showed of our clock; the zero value before the first. From memory.
func (s *Source) Offset() Offset {
	if offset := s.offset.Load(); offset != nil {
		return *offset
	}
	return Offset{}
}
