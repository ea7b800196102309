package charttest

import (
	"os"
	"reflect"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// TestTheChartsAlertsAreThoseOfTheFile, but for whose metrics they are about.
func TestTheChartsAlertsAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want monitoringv1.PrometheusRuleSpec
	narrowed := strings.ReplaceAll(string(text), `job="hasura-issuer"`, `namespace="auth", service="demo-issuer-admin"`)
	if err := yaml.UnmarshalStrict([]byte(narrowed), &want); err != nil {
		t.Fatal(err)
	}
	r, err := render(t, valueFiles(t)["production"])
	if err != nil {
		t.Fatal(err)
	}
	got := all[*monitoringv1.PrometheusRule](r)[0].Spec
	if !reflect.DeepEqual(got, want) {
		t.Error("the chart has others: copy deploy/prometheus/alerts.yaml to deploy/helm/hasura-issuer/files")
	}
	if len(want.Groups) != 1 || len(want.Groups[0].Rules) < 20 {
		t.Errorf("the file has %d groups", len(want.Groups))
	}
}
