package rolestore

// HoldersSQL is open to the test that asks Postgres how it would run it.
const HoldersSQL = holdersSQL
