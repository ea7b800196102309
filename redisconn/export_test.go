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

// OpenPatiently also waits long for an answer: a machine that is busy with tests
// may be slower than a Redis that is any use.
func OpenPatiently(redisURL string, report func(error), pause time.Duration) (*Client, error) {
	const long = 20 * time.Second
	return open(redisURL, report, pace{command: long, dial: long, io: long, pause: func() time.Duration { return pause }})
}
