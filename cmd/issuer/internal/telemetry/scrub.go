package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// kept are the attributes that leave the process: constants of the program, statements without arguments, and hosts that the
// settings name. Those of callers are not among them: paths and addresses, ids, texts of errors.
var kept = map[attribute.Key]bool{
	"http.request.method": true, "http.route": true, "http.response.status_code": true, "server.address": true, "server.port": true,
	"issuer.door": true, "issuer.outcome": true, "issuer.reason": true,
	"db.system": true, "db.system.name": true, "db.operation.name": true, "db.operation.batch.size": true, "db.query.text": true,
	"db.redis.num_cmd": true,
}

// scrubber hands spans on without what must not leave, and reports when that begins to fail and when it works again.
type scrubber struct {
	to     sdk.SpanExporter
	report func(error)
	failed atomic.Bool
}

// ExportSpans is sdk.SpanExporter's. Its errors are reported, so none comes back.
func (s *scrubber) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	clean := make([]sdk.ReadOnlySpan, len(spans))
	for i, span := range spans {
		clean[i] = scrubbed{span}
	}
	err := s.to.ExportSpans(ctx, clean)
	if before := s.failed.Swap(err != nil); before != (err != nil) {
		s.report(plain(err))
	}
	return nil
}

// Shutdown is sdk.SpanExporter's.
func (s *scrubber) Shutdown(ctx context.Context) error { return s.to.Shutdown(ctx) }

// scrubbed is a span without what must not leave.
type scrubbed struct{ sdk.ReadOnlySpan }

// Attributes returns those that are kept.
func (s scrubbed) Attributes() []attribute.KeyValue {
	var some []attribute.KeyValue
	for _, a := range s.ReadOnlySpan.Attributes() {
		if kept[a.Key] {
			some = append(some, a)
		}
	}
	return some
}

// Events returns none: they are the texts of errors.
func (s scrubbed) Events() []sdk.Event { return nil }

// Status returns whether it failed, not how.
func (s scrubbed) Status() sdk.Status { return sdk.Status{Code: s.ReadOnlySpan.Status().Code} }

var statusLine = regexp.MustCompile(`: ([1-5][0-9]{2}) [A-Z]`)

// plain is an error of the exporter without the URL, which may hold a key, and without what the receiver wrote; nil stays nil.
func plain(err error) error {
	if err == nil {
		return nil
	}
	if asked, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("the receiver of traces cannot be reached: %w", asked.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the receiver of traces takes too long")
	}
	if status := statusLine.FindStringSubmatch(err.Error()); status != nil {
		return fmt.Errorf("the receiver of traces answers with status %s", status[1])
	}
	return errors.New("the receiver of traces does not take them")
}
