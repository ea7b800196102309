package charttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// pods are the pods that a release makes, by the kind that makes them.
func pods(r release) map[string]corev1.PodTemplateSpec {
	found := map[string]corev1.PodTemplateSpec{}
	for _, d := range all[*appsv1.Deployment](r) {
		found["Deployment"] = d.Spec.Template
	}
	for _, j := range all[*batchv1.Job](r) {
		found["Job"] = j.Spec.Template
	}
	for _, c := range all[*batchv1.CronJob](r) {
		found["CronJob"] = c.Spec.JobTemplate.Spec.Template
	}
	return found
}

func is(p *bool, want bool) bool { return p != nil && *p == want }

func TestEveryPodMayDoAsLittleAsPossible(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ string, r release) {
		for kind, pod := range pods(r) {
			spec, security := pod.Spec, pod.Spec.SecurityContext
			faults := map[string]bool{
				"a token of the API server":  !is(spec.AutomountServiceAccountToken, false),
				"addresses of all services":  !is(spec.EnableServiceLinks, false),
				"the host's network":         spec.HostNetwork || spec.HostPID || spec.HostIPC,
				"root":                       security == nil || !is(security.RunAsNonRoot, true) || security.RunAsUser == nil || *security.RunAsUser != 65532,
				"all system calls":           security == nil || security.SeccompProfile == nil || security.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault,
				"more containers than known": len(spec.Containers) != 1 || len(spec.InitContainers) > 0,
			}
			for _, volume := range spec.Volumes {
				faults["the volume "+volume.Name] = volume.Projected == nil && volume.ConfigMap == nil
			}
			for fault, is := range faults {
				if is {
					t.Errorf("%s has %s", kind, fault)
				}
			}
			for _, c := range spec.Containers {
				judgeContainer(t, kind, c)
			}
		}
	})
}

func judgeContainer(t *testing.T, kind string, c corev1.Container) {
	t.Helper()
	security := c.SecurityContext
	if security == nil || security.Capabilities == nil {
		t.Fatalf("%s has no bounds", kind)
	}
	faults := map[string]bool{
		"a file system to write to": !is(security.ReadOnlyRootFilesystem, true),
		"more rights to come":       !is(security.AllowPrivilegeEscalation, false) || !is(security.Privileged, false),
		"root":                      !is(security.RunAsNonRoot, true),
		"capabilities":              !slices.Equal(security.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(security.Capabilities.Add) > 0,
		"no bound of memory":        c.Resources.Limits.Memory().IsZero(),
		"no request":                c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero(),
		"an image that may change":  !strings.Contains(c.Image, "@sha256:") && (!strings.Contains(c.Image, ":") || strings.HasSuffix(c.Image, ":latest")),
	}
	for _, mount := range c.VolumeMounts {
		faults["the mount "+mount.Name+" to write to"] = !mount.ReadOnly
	}
	for _, variable := range c.Env {
		faults["a secret in "+variable.Name] = variable.ValueFrom != nil
	}
	for fault, is := range faults {
		if is {
			t.Errorf("%s has %s", kind, fault)
		}
	}
}

func TestTheServiceStaysUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ string, r release) {
		d := all[*appsv1.Deployment](r)[0]
		container := d.Spec.Template.Spec.Containers[0]
		least := int32(0)
		if d.Spec.Replicas != nil {
			least = *d.Spec.Replicas
		}
		for _, scaler := range all[*autoscalingv2.HorizontalPodAutoscaler](r) {
			if d.Spec.Replicas != nil {
				t.Error("the deployment and the scaler would both say how many there are")
			}
			least = *scaler.Spec.MinReplicas
		}
		budget := all[*policyv1.PodDisruptionBudget](r)[0]
		if least < 2 || budget.Spec.MaxUnavailable.IntValue() >= int(least) {
			t.Errorf("%d replicas of which %s may go", least, budget.Spec.MaxUnavailable)
		}
		for name, probe := range map[string]*corev1.Probe{"/livez startup": container.StartupProbe, "/livez": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
			path, _, _ := strings.Cut(name, " ")
			if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != "admin" {
				t.Errorf("%s: %+v", name, probe)
			}
		}
		if spread := d.Spec.Template.Spec.TopologySpreadConstraints; len(spread) != 2 {
			t.Errorf("spread over %d kinds of places", len(spread))
		}
		if rolling := d.Spec.Strategy.RollingUpdate; rolling == nil || rolling.MaxUnavailable.IntValue() != 0 {
			t.Errorf("an upgrade takes some away: %+v", rolling)
		}
		drain, err := time.ParseDuration(environment(container)["ISSUER_DRAIN_DELAY"])
		if err != nil {
			t.Fatal(err)
		}
		grace := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
		if grace < drain+15*time.Second { // open requests may take 10 s
			t.Errorf("killed after %s, with a drain of %s", grace, drain)
		}
	})
}

// environment is what a container is given.
func environment(c corev1.Container) map[string]string {
	found := map[string]string{}
	for _, variable := range c.Env {
		found[variable.Name] = variable.Value
	}
	return found
}

func TestSelectorsFindThePodsTheyMean(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ string, r release) {
		labels := pods(r)["Deployment"].Labels
		selectors := map[string]map[string]string{}
		for _, s := range all[*corev1.Service](r) {
			selectors["service "+s.Name] = s.Spec.Selector
		}
		selectors["deployment"] = all[*appsv1.Deployment](r)[0].Spec.Selector.MatchLabels
		selectors["budget"] = all[*policyv1.PodDisruptionBudget](r)[0].Spec.Selector.MatchLabels
		for name, selector := range selectors {
			if len(selector) == 0 || !matches(selector, labels) {
				t.Errorf("%s selects %v, the pods are %v", name, selector, labels)
			}
			for _, other := range []string{"Job", "CronJob"} {
				if pod, there := pods(r)[other]; there && matches(selector, pod.Labels) {
					t.Errorf("%s also selects the %s's pods", name, other)
				}
			}
		}
	})
}

func matches(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return true
}

func TestWhatRunsBeforeAnInstallStandsOnNothingOfIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ string, r release) {
		for _, job := range all[*batchv1.Job](r) {
			if job.Annotations["helm.sh/hook"] != "pre-install,pre-upgrade" || job.Spec.Template.Spec.ServiceAccountName != "" {
				t.Errorf("%s: %v as %q", job.Name, job.Annotations, job.Spec.Template.Spec.ServiceAccountName)
			}
			for _, policy := range all[*networkingv1.NetworkPolicy](r) {
				if policy.Spec.PodSelector.MatchLabels["app.kubernetes.io/component"] == "migrate" && policy.Annotations["helm.sh/hook"] != job.Annotations["helm.sh/hook"] {
					t.Errorf("%s comes after the job", policy.Name)
				}
			}
		}
	})
}

func TestTheMigrationSeesNoKeyAndHasNoIdentity(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ string, r release) {
		pod, there := pods(r)["Job"]
		if !there {
			return
		}
		if sources := pod.Spec.Volumes[0].Projected.Sources; len(sources) != 1 || sources[0].Secret.Items[0].Path != "database-url" {
			t.Errorf("it is handed %v", sources)
		}
		if pod.Labels["azure.workload.identity/use"] != "" || len(environment(pod.Spec.Containers[0])) != 1 {
			t.Errorf("it has %v and %v", pod.Labels, environment(pod.Spec.Containers[0]))
		}
	})
}

func TestThePublicSeesTheTokenEndpointAndTheKeysOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, name string, r release) {
		for _, ingress := range all[*networkingv1.Ingress](r) {
			var paths []string
			for _, p := range ingress.Spec.Rules[0].HTTP.Paths {
				paths = append(paths, fmt.Sprintf("%s %s %s", *p.PathType, p.Path, p.Backend.Service.Port.Name))
			}
			if strings.Join(paths, ", ") != "Exact /oauth2/token http, Prefix /.well-known/ http" || len(ingress.Spec.TLS) != 1 {
				t.Errorf("%s publishes %v with %d certificates", name, paths, len(ingress.Spec.TLS))
			}
		}
	})
}
