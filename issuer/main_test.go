package issuer_test

import (
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
