package telemetry

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const (
	serviceName     = "hasura-issuer"
	defaultEndpoint = "http://localhost:4318" // as OpenTelemetry defines it
	tracesPath      = "/v1/traces"
)

// Config is what the OTEL_… variables say that this room acts on itself. OpenTelemetry's own library reads the others from
// the environment of the process: the sampler, headers, certificates, timeouts, sizes of queues and attributes of the resource.
type Config struct {
	Endpoint  string // whole, where spans are sent; empty: nothing is traced
	Service   string // OTEL_SERVICE_NAME; empty: the resource's attributes may name it
	Propagate bool   // traceparent is read and sent

	// Warnings say which variables hold what is not acted on, as OpenTelemetry wants it instead of a refusal. They repeat no value
	// that may be a secret.
	Warnings []string
}

// On reports whether spans are sent.
func (c Config) On() bool { return c.Endpoint != "" }

// Format writes whether spans are sent, whatever the verb: where to may hold a key.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "traces: %t", c.On()) }

// Read reads the variables of an environment. An empty one counts as not set.
func Read(environ map[string]string) Config {
	c := Config{Service: environ["OTEL_SERVICE_NAME"], Propagate: true}
	endpoint, set := c.endpoint(environ)
	if disabled, _ := strconv.ParseBool(environ["OTEL_SDK_DISABLED"]); disabled {
		return c
	}
	switch exporter := environ["OTEL_TRACES_EXPORTER"]; {
	case exporter == "none":
		return c
	case exporter == "otlp":
	case exporter != "":
		c.warn("OTEL_TRACES_EXPORTER is neither otlp nor none; no traces are sent")
		return c
	case !set:
		return c
	}
	protocol := environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]
	if protocol == "" {
		protocol = environ["OTEL_EXPORTER_OTLP_PROTOCOL"]
	}
	if protocol != "" && protocol != "http/protobuf" {
		c.warn("the OTLP protocol is set to another than http/protobuf, the only one that is spoken here; no traces are sent. OTEL_EXPORTER_OTLP_TRACES_PROTOCOL sets it for traces alone")
		return c
	}
	c.propagators(environ["OTEL_PROPAGATORS"])
	c.Endpoint = endpoint
	return c
}

// endpoint returns where spans would go, and whether a variable says so. One that is no URL leaves nowhere to go.
func (c *Config) endpoint(environ map[string]string) (whole string, set bool) {
	name, raw := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
	if raw == "" {
		name, raw = "OTEL_EXPORTER_OTLP_ENDPOINT", environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
		set = raw != ""
		if !set {
			raw = defaultEndpoint
		}
		raw = strings.TrimSuffix(raw, "/") + tracesPath
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.warn("%s is no http or https URL (its value is not shown); no traces are sent", name)
		return "", true
	}
	return raw, set || name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
}

// propagators heeds tracecontext, or none. Baggage is what callers say about themselves: it is neither read nor sent.
func (c *Config) propagators(list string) {
	if list == "" {
		return
	}
	c.Propagate = false
	for name := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			c.Propagate = true
		case "none", "baggage":
		default:
			c.warn("OTEL_PROPAGATORS names others than tracecontext, baggage and none, which are not spoken here")
		}
	}
}

func (c *Config) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}
