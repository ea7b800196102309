package rolestore

// HoldersSQL and TenantsSQL are open to the tests that ask Postgres how it would run them.
const (
	HoldersSQL = holdersSQL
	TenantsSQL = tenantsSQL
)
