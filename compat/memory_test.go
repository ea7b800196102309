package compat_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// TestARequestTakesNoManifoldOfItsSize, as a list of many empty queries did, which is refused. All memory of the process is
// counted, so nothing runs beside it.
func TestARequestTakesNoManifoldOfItsSize(t *testing.T) {
	for name, request := range map[string]string{
		"a list":        "[" + strings.Repeat("{},", 600_000) + "{}]",
		"a list, words": "[" + strings.Repeat(`{"query":"{a}"},`, 100_000) + "{}]",
		"a list, nulls": "[" + strings.Repeat("null,", 300_000) + "{}]",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := compat.Chooser{Owners: &owners{}}.Choose(t.Context(), []string{"first"}, []byte(request))
		runtime.ReadMemStats(&after)
		if _, wrong := errors.AsType[*api.QueryError](err); !wrong {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 3*uint64(len(request)) {
			t.Errorf("%s of %d bytes takes %d", name, len(request), took)
		}
	}
}
