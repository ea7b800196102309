package redisconn

import "time"

// OpenAtPace is Open with a pause of one's own before each PING to a server that
// was given up: the usual one is too long for a test to wait for, and too short
// for one that counts what happens meanwhile.
func OpenAtPace(redisURL string, report func(error), pause time.Duration) (*Client, error) {
	p := usualPace
	p.pause = func() time.Duration { return pause }
	return open(redisURL, report, p)
}

// OpenPatientlyAtPace is OpenPatiently with such a pause.
func OpenPatientlyAtPace(redisURL string, report func(error), pause time.Duration) (*Client, error) {
	return open(redisURL, report, patientPace(func() time.Duration { return pause }))
}
