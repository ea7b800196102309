package main

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// alarmPause lies between two looks for alarms, which cost next to nothing.
const alarmPause = time.Second

// watchAlarms reports each alarm when it begins, until ctx ends.
func watchAlarms(ctx context.Context, alarms func() []error, report func(error)) {
	tick := time.NewTicker(alarmPause)
	defer tick.Stop()
	var before []error
	for {
		now := alarms()
		for _, alarm := range now {
			if !slices.Contains(before, alarm) {
				report(alarm)
			}
		}
		before = now
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// entraAlarms are the verifier's alarms, which anybody may read.
func (svc *service) entraAlarms() []string {
	var texts []string
	for _, alarm := range svc.verifier.Alarms() {
		texts = append(texts, alarm.Error())
	}
	return texts
}

var entraClock = gauge("issuer_entra_clock_offset_seconds", "How far this machine's clock is ahead of Entra's, to about a second; negative: behind.")

// clockCollector shows how far our clock is off Entra's, once that is known.
type clockCollector struct{ verifier *idp.Verifier }

// Describe is prometheus.Collector's.
func (clockCollector) Describe(to chan<- *prometheus.Desc) { to <- entraClock }

// Collect is prometheus.Collector's.
func (c clockCollector) Collect(to chan<- prometheus.Metric) {
	if offset := c.verifier.ClockOffset(); offset != (idp.ClockOffset{}) {
		to <- prometheus.MustNewConstMetric(entraClock, prometheus.GaugeValue, offset.Ahead.Seconds())
	}
}
