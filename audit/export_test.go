package audit

import "time"

// SetPace has the database be waited for that long, and counts be written that often. It comes before Run.
func (j *Journal) SetPace(write, repeats time.Duration) { j.pace = pace{write, repeats} }
