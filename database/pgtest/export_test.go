package pgtest

// FindBinaries is open to the tests of this package: on a machine that has
// Postgres they cannot ask otherwise what happens on one that has not.
func FindBinaries(path string, patterns []string) (string, error) {
	return findBinaries(path, patterns)
}
