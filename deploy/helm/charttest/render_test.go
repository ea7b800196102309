package charttest

import (
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const chartDir = "../hasura-issuer"

// kinds are the types that a rendered document may have, by apiVersion and kind.
var kinds = map[string]func() any{
	"apps/v1 Deployment":                      func() any { return &appsv1.Deployment{} },
	"autoscaling/v2 HorizontalPodAutoscaler":  func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"batch/v1 CronJob":                        func() any { return &batchv1.CronJob{} },
	"batch/v1 Job":                            func() any { return &batchv1.Job{} },
	"monitoring.coreos.com/v1 PrometheusRule": func() any { return &monitoringv1.PrometheusRule{} },
	"monitoring.coreos.com/v1 ServiceMonitor": func() any { return &monitoringv1.ServiceMonitor{} },
	"networking.k8s.io/v1 Ingress":            func() any { return &networkingv1.Ingress{} },
	"networking.k8s.io/v1 NetworkPolicy":      func() any { return &networkingv1.NetworkPolicy{} },
	"policy/v1 PodDisruptionBudget":           func() any { return &policyv1.PodDisruptionBudget{} },
	"v1 Service":                              func() any { return &corev1.Service{} },
	"v1 ServiceAccount":                       func() any { return &corev1.ServiceAccount{} },
}

// release is what a set of values renders to.
type release struct {
	objects []any
	notes   string
}

// valueFiles are the sets of values that the chart is tried with, by name.
func valueFiles(t *testing.T) map[string]map[string]any {
	t.Helper()
	paths, err := filepath.Glob(chartDir + "/ci/*-values.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d value files: %v", len(paths), err)
	}
	all := map[string]map[string]any{}
	for _, path := range paths {
		values, err := chartutil.ReadValuesFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), "-values.yaml")] = values
	}
	return all
}

// render is `helm template`, for a release named demo in the namespace auth. What breaks the schema of values is an error.
func render(t *testing.T, values map[string]any) (release, error) {
	t.Helper()
	chart, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	options := chartutil.ReleaseOptions{Name: "demo", Namespace: "auth", IsInstall: true, Revision: 1}
	all, err := chartutil.ToRenderValues(chart, values, options, chartutil.DefaultCapabilities.Copy())
	if err != nil {
		return release{}, err
	}
	files, err := engine.Engine{Strict: true}.Render(chart, all)
	if err != nil {
		return release{}, err
	}
	var r release
	for path, text := range files {
		switch {
		case strings.HasSuffix(path, "NOTES.txt"):
			r.notes = text
		case strings.HasSuffix(path, ".tpl"):
		default:
			for _, document := range releaseutil.SplitManifests(text) {
				r.objects = append(r.objects, decode(t, path, document))
			}
		}
	}
	return r, nil
}

// decode reads one document into the type it claims to be; a member that the type lacks, or one named twice, fails.
func decode(t *testing.T, path, document string) any {
	t.Helper()
	var head struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, document)
	}
	make, known := kinds[head.APIVersion+" "+head.Kind]
	if !known {
		t.Fatalf("%s: no such kind is expected: %s %s\n%s", path, head.APIVersion, head.Kind, document)
	}
	object := make()
	if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, document)
	}
	return object
}

// each renders every set of values.
func each(t *testing.T, check func(t *testing.T, name string, r release)) {
	t.Helper()
	for name, values := range valueFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := render(t, values)
			if err != nil {
				t.Fatal(err)
			}
			check(t, name, r)
		})
	}
}

// all returns the objects of one type.
func all[T any](r release) []T {
	var found []T
	for _, object := range r.objects {
		if one, ok := object.(T); ok {
			found = append(found, one)
		}
	}
	return found
}

func TestHelmFindsNothingToSayAboutTheChart(t *testing.T) {
	t.Parallel()
	for name, values := range valueFiles(t) {
		for _, message := range lint.All(chartDir, values, "auth", true).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %s: %v", name, message.Path, message.Err)
			}
		}
	}
}

func TestEachSetOfValuesRendersWhatItAsksFor(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]int{ // beside what is always there
		"minimal":           {"Job": 1, "NetworkPolicy": 3},
		"production":        {"Job": 1, "CronJob": 1, "NetworkPolicy": 8, "HorizontalPodAutoscaler": 1, "Ingress": 1, "ServiceMonitor": 1, "PrometheusRule": 1},
		"workload-identity": {"Job": 1, "NetworkPolicy": 3},
		"files":             {},
	}
	each(t, func(t *testing.T, name string, r release) {
		got := map[string]int{
			"Deployment": len(all[*appsv1.Deployment](r)), "Service": len(all[*corev1.Service](r)), "ServiceAccount": len(all[*corev1.ServiceAccount](r)),
			"PodDisruptionBudget": len(all[*policyv1.PodDisruptionBudget](r)), "Job": len(all[*batchv1.Job](r)), "CronJob": len(all[*batchv1.CronJob](r)),
			"NetworkPolicy": len(all[*networkingv1.NetworkPolicy](r)), "HorizontalPodAutoscaler": len(all[*autoscalingv2.HorizontalPodAutoscaler](r)),
			"Ingress": len(all[*networkingv1.Ingress](r)), "ServiceMonitor": len(all[*monitoringv1.ServiceMonitor](r)), "PrometheusRule": len(all[*monitoringv1.PrometheusRule](r)),
		}
		wanted, known := want[name]
		if !known {
			t.Fatalf("say what %s should render", name)
		}
		for kind, n := range map[string]int{"Deployment": 1, "Service": 2, "ServiceAccount": 1, "PodDisruptionBudget": 1} {
			if got[kind] != n {
				t.Errorf("%d %s, want %d", got[kind], kind, n)
			}
			delete(got, kind)
		}
		for kind, n := range got {
			if n != wanted[kind] {
				t.Errorf("%d %s, want %d", n, kind, wanted[kind])
			}
		}
	})
}

// TestValuesThatWouldBeAMistakeAreRefused changes the least set of values in one place each.
func TestValuesThatWouldBeAMistakeAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"a secret among the settings":        `{settings: {ISSUER_DATABASE_URL: "postgres://u:p@h/d"}}`,
		"a secret's file among the settings": `{settings: {ISSUER_REDIS_URL_FILE: /x}}`,
		"what the chart sets itself":         `{settings: {ISSUER_LISTEN: ":1"}}`,
		"a keys file, which one pod locks":   `{settings: {ISSUER_KEYS_FILE: /x}}`,
		"somebody else's variable":           `{settings: {LD_PRELOAD: /x}}`,
		"a secret in the values":             `{secrets: {databaseUrl: {value: "postgres://u:p@h/d"}}}`,
		"no database":                        `{secrets: {databaseUrl: {name: ""}}}`,
		"a name nobody knows":                `{networkpolicy: {enabled: false}}`,
		"another rotation":                   `{rotate: never}`,
		"the tag latest":                     `{image: {tag: latest}}`,
		"an ingress without TLS":             `{ingress: {enabled: true, host: auth.example.com}}`,
		"one replica when scaled":            `{autoscaling: {enabled: true, minReplicas: 1}}`,
		"a drain that outlives the setting":  `{drainDelaySeconds: 61}`,
		"no limit of memory":                 `{resources: {limits: {memory: null}}}`,
		"DNS to anywhere":                    `{networkPolicy: {dns: {peers: []}}}`,
		"a peer that is everybody":           `{networkPolicy: {clients: [{}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changed map[string]any
			if err := yaml.UnmarshalStrict([]byte(change), &changed); err != nil {
				t.Fatal(err)
			}
			if _, err := render(t, chartutil.MergeTables(changed, valueFiles(t)["minimal"])); err == nil {
				t.Error("it renders")
			}
		})
	}
}
