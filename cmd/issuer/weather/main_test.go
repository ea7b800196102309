package weather

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
)

// together is how many tests run at once, whatever the machine: they wait far more than they compute.
const together = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		fmt.Fprintln(os.Stderr, "weather:", err)
	}
	m.Run()
	if err := proctest.Clean(); err != nil {
		fmt.Fprintln(os.Stderr, "weather:", err)
	}
}

// replica is one `issuer serve`.
type replica = proctest.Program
