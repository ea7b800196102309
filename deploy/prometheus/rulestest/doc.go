// Package rulestest holds deploy/prometheus/alerts.yaml and deploy/grafana/dashboard.json to Prometheus' own code: its rules
// are read, its expressions parsed, and each alert is evaluated over series that fire it and series that do not. Where
// the metric is Prometheus' own, its scraping looks at the program itself, built from this checkout.
package rulestest
