package recall_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/recall"
)

func answer(second int64, ids int) recall.Answer {
	return recall.NewAnswer(time.Unix(second, 0), make([]uuid.UUID, ids))
}

// held returns which of the keys 0 to 9 have an answer.
func held(m *recall.Memory) string {
	text := ""
	for i := range byte(10) {
		if _, found := m.Get(recall.Key{i}); found {
			text += string('0' + i)
		}
	}
	return text
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers, bytes int
		sizes          []int
		want           string
	}{
		"all that fit":                      {10, 1 << 20, []int{1, 1, 1}, "012"},
		"by number":                         {2, 1 << 20, []int{1, 1, 1}, "12"},
		"by size":                           {10, 4 << 10, []int{100, 100, 100}, "12"},
		"a large one drives out many":       {10, 4 << 10, []int{1, 1, 1, 220}, "23"},
		"one that is too large for all":     {10, 4 << 10, []int{1, 1000}, ""},
		"and then there is room once more":  {10, 4 << 10, []int{1, 1000, 1, 1}, "23"},
		"the same many times":               {10, 4 << 10, []int{200, 200}, "1"},
		"empty answers take room like any":  {10, 1 << 10, []int{0, 0, 0, 0, 0}, "1234"},
		"as many as the bound holds":        {10, 2 * (256 + 16), []int{1, 1}, "01"},
		"one byte less and the oldest goes": {10, 2*(256+16) - 1, []int{1, 1}, "1"},
	} {
		m := recall.NewMemory(c.answers, c.bytes)
		for i, size := range c.sizes {
			m.Put(recall.Key{byte(i)}, answer(1, size))
		}
		if got := held(m); got != c.want {
			t.Errorf("%s: %q is held, want %q", name, got, c.want)
		}
	}
}

func TestMemoryForgetsWhatWasNotUsedForTheLongestTime(t *testing.T) {
	t.Parallel()
	m := recall.NewMemory(2, 1<<20)
	m.Put(recall.Key{0}, answer(1, 1))
	m.Put(recall.Key{1}, answer(1, 1))
	m.Get(recall.Key{0})
	m.Put(recall.Key{2}, answer(1, 1))
	if got := held(m); got != "02" {
		t.Errorf("%q is held", got)
	}
}

func TestMemoryKeepsTheNewerAnswer(t *testing.T) {
	t.Parallel()
	m := recall.NewMemory(10, 2<<10)
	for range 100 { // putting it again takes no more room
		m.Put(recall.Key{0}, answer(2, 2))
	}
	m.Put(recall.Key{0}, answer(1, 1))
	m.Put(recall.Key{1}, answer(1, 1))
	if got, _ := m.Get(recall.Key{0}); len(got.Groups()) != 2 || held(m) != "01" {
		t.Errorf("%d groups, %q is held", len(got.Groups()), held(m))
	}
	m.Remove(recall.Key{0})
	m.Remove(recall.Key{0})
	if held(m) != "1" {
		t.Errorf("%q is held", held(m))
	}
}
