// Package rulestest holds deploy/prometheus/alerts.yaml and deploy/grafana/dashboard.json to Prometheus' own code: its rules
// are read, its expressions parsed, and each alert is evaluated over series that fire it and series that do not. It starts no server.
package rulestest
