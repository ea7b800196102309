package redistest

// FindProgram is open to the tests of this package: on a machine that has Redis
// they cannot ask otherwise what happens on one that has not.
func FindProgram(path string) (string, error) { return findProgram(path) }
