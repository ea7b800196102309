package keystore_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
)

// writerFile, set for a child process of the file store's crash test, makes it
// rewrite that file until it is killed.
const writerFile = "KEYS_TEST_WRITER_FILE"

// processURL, set for a child process of the Postgres store's crash test, makes
// it play a part there until it is killed.
const processURL = "KEYS_TEST_PROCESS_URL"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerFile); path != "" {
		fmt.Fprintln(os.Stderr, rewriteForEver(path))
		os.Exit(1)
	}
	if url := os.Getenv(processURL); url != "" {
		fmt.Fprintln(os.Stderr, playForEver(url))
		os.Exit(1)
	}
	pgtest.Main(m)
}

// start is when the tests' clocks begin, which have no monotonic part.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// policy is the default one.
var policy = keystest.Policy()

// rotate runs Rotate, which must work.
func rotate(tb keystest.TB, store keys.Store, p keys.Policy) keys.Result {
	tb.Helper()
	result, err := keys.Rotate(tb.Context(), store, nil, p)
	if err != nil {
		tb.Fatalf("rotate: %v", err)
	}
	return result
}
