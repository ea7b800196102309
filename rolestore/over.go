package rolestore

import "time"

// Over counts what the diff adds or changes so that it is over by now: an entry
// that was there and stays as it is does not count.
func (d Diff) Over(now time.Time) int { return len(d.over(now)) }

// Timely is ErrRefused, in words that name the member, where the diff adds or
// changes an entry so that it is over by now: nobody means a block that blocks
// nobody.
func (d Diff) Timely(now time.Time) error {
	if found := d.over(now); len(found) > 0 {
		return found
	}
	return nil
}

func (d Diff) over(now time.Time) (found faults) {
	var f flaws
	for _, g := range d.Grants.after() {
		f.want(!isOver(g.Until, now), "until", "want a time to come: this grant would never be in force")
	}
	for _, b := range d.Blocks.after() {
		f.want(!isOver(b.Until, now), "until", "want a time to come: this block would never be in force")
	}
	return faultsOf(f)
}

// after are the entries that are not there yet as they are to be.
func (c Changes[T]) after() []T {
	all := append([]T(nil), c.Added...)
	for _, one := range c.Changed {
		all = append(all, one.After)
	}
	return all
}

func isOver(until, now time.Time) bool { return !until.IsZero() && !until.After(now) }
