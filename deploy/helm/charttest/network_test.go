package charttest

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// end is one end of a connection: a pod in a namespace, or an address outside.
type end struct {
	labels    map[string]string
	namespace string
	address   string // of who is no pod
}

func pod(pairs ...string) end { return podIn("auth", pairs...) }

func podIn(namespace string, pairs ...string) end {
	e := end{labels: map[string]string{}, namespace: namespace}
	for i := 0; i < len(pairs); i += 2 {
		e.labels[pairs[i]] = pairs[i+1]
	}
	return e
}

// flows tells whether policies, all of the namespace auth, let a connection through, as Kubernetes says: who is selected by
// no policy of a direction is open in it, and otherwise one rule has to name the other end and the port.
func flows(t *testing.T, policies []*networkingv1.NetworkPolicy, from, to end, protocol corev1.Protocol, port int32) bool {
	t.Helper()
	out := decide(t, policies, networkingv1.PolicyTypeEgress, from, to, protocol, port)
	return out && decide(t, policies, networkingv1.PolicyTypeIngress, to, from, protocol, port)
}

func decide(t *testing.T, policies []*networkingv1.NetworkPolicy, direction networkingv1.PolicyType, at, other end, protocol corev1.Protocol, port int32) bool {
	t.Helper()
	open := true
	for _, policy := range policies {
		if at.address != "" || at.namespace != "auth" || !selects(t, &policy.Spec.PodSelector, at.labels) {
			continue
		}
		for _, rule := range rules(policy, direction) {
			if (len(rule.ports) == 0 || allows(rule.ports, protocol, port)) && (len(rule.peers) == 0 || names(t, rule.peers, other)) {
				return true
			}
		}
		for _, kind := range policy.Spec.PolicyTypes {
			open = open && kind != direction
		}
	}
	return open
}

type rule struct {
	ports []networkingv1.NetworkPolicyPort
	peers []networkingv1.NetworkPolicyPeer
}

func rules(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) []rule {
	var found []rule
	if direction == networkingv1.PolicyTypeIngress {
		for _, r := range policy.Spec.Ingress {
			found = append(found, rule{r.Ports, r.From})
		}
		return found
	}
	for _, r := range policy.Spec.Egress {
		found = append(found, rule{r.Ports, r.To})
	}
	return found
}

func allows(ports []networkingv1.NetworkPolicyPort, protocol corev1.Protocol, port int32) bool {
	for _, p := range ports {
		if *p.Protocol == protocol && p.Port.IntVal == port {
			return true
		}
	}
	return false
}

func names(t *testing.T, peers []networkingv1.NetworkPolicyPeer, other end) bool {
	t.Helper()
	for _, peer := range peers {
		switch {
		case peer.IPBlock != nil:
			if other.address != "" && inBlock(peer.IPBlock, netip.MustParseAddr(other.address)) {
				return true
			}
		case other.address != "":
		case peer.NamespaceSelector == nil && other.namespace != "auth":
		case peer.NamespaceSelector != nil && !selects(t, peer.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": other.namespace}):
		case peer.PodSelector == nil || selects(t, peer.PodSelector, other.labels):
			return true
		}
	}
	return false
}

func inBlock(block *networkingv1.IPBlock, address netip.Addr) bool {
	for _, except := range block.Except {
		if netip.MustParsePrefix(except).Contains(address) {
			return false
		}
	}
	return netip.MustParsePrefix(block.CIDR).Contains(address)
}

func selects(t *testing.T, selector *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(of))
}

var (
	gateway    = pod("app", "gateway")
	hasura     = pod("app", "hasura")
	postgres   = pod("app", "postgres")
	redis      = pod("app", "redis")
	stranger   = pod("app", "stranger")
	client     = end{address: "203.0.113.7"}
	entra      = end{address: "20.190.128.1"}
	metadata   = end{address: "169.254.169.254"}
	dns        = podIn("kube-system", "k8s-app", "kube-dns")
	prometheus = podIn("monitoring", "app.kubernetes.io/name", "prometheus")
	balancer   = podIn("ingress-nginx", "app", "controller")
)

// TestNobodySpeaksButAlongThePicture tries every pair that matters of the whole stack, with the values for production.
func TestNobodySpeaksButAlongThePicture(t *testing.T) {
	t.Parallel()
	r, err := render(t, valueFiles(t)["production"])
	if err != nil {
		t.Fatal(err)
	}
	policies := all[*networkingv1.NetworkPolicy](r)
	own := map[string]end{}
	for kind, template := range pods(r) {
		own[kind] = end{labels: template.Labels, namespace: "auth"}
	}
	issuer, migrate, rotate := own["Deployment"], own["Job"], own["CronJob"]
	const tcp, udp = corev1.ProtocolTCP, corev1.ProtocolUDP
	for name, c := range map[string]struct {
		from, to end
		protocol corev1.Protocol
		port     int32
		want     bool
	}{
		"client to gateway":               {client, gateway, tcp, 8443, true},
		"client to issuer":                {client, issuer, tcp, 8080, false},
		"client to Hasura":                {client, hasura, tcp, 8080, false},
		"gateway to issuer":               {gateway, issuer, tcp, 8080, true},
		"gateway to the operators' API":   {gateway, issuer, tcp, 9090, false},
		"gateway to Hasura":               {gateway, hasura, tcp, 8080, true},
		"gateway to Postgres":             {gateway, postgres, tcp, 5432, false},
		"gateway to the internet":         {gateway, entra, tcp, 443, false},
		"Hasura to issuer":                {hasura, issuer, tcp, 8080, true},
		"Hasura to the operators' API":    {hasura, issuer, tcp, 9090, false},
		"Hasura to Postgres":              {hasura, postgres, tcp, 5432, true},
		"Hasura to Redis":                 {hasura, redis, tcp, 6379, false},
		"Hasura to the internet":          {hasura, entra, tcp, 443, false},
		"balancer to issuer":              {balancer, issuer, tcp, 8080, true},
		"balancer to the operators' API":  {balancer, issuer, tcp, 9090, false},
		"balancer to Hasura":              {balancer, hasura, tcp, 8080, false},
		"stranger to issuer":              {stranger, issuer, tcp, 8080, false},
		"stranger to Postgres":            {stranger, postgres, tcp, 5432, false},
		"Prometheus to metrics":           {prometheus, issuer, tcp, 9090, true},
		"Prometheus to issuer":            {prometheus, issuer, tcp, 8080, false},
		"issuer to Postgres":              {issuer, postgres, tcp, 5432, true},
		"issuer to Redis":                 {issuer, redis, tcp, 6379, true},
		"issuer to Hasura":                {issuer, hasura, tcp, 8080, false},
		"issuer to Entra":                 {issuer, entra, tcp, 443, true},
		"issuer to Entra without TLS":     {issuer, entra, tcp, 80, false},
		"issuer to the cloud's metadata":  {issuer, metadata, tcp, 443, false},
		"issuer to DNS":                   {issuer, dns, udp, 53, true},
		"issuer to another port of DNS's": {issuer, dns, tcp, 9153, false},
		"migration to Postgres":           {migrate, postgres, tcp, 5432, true},
		"migration to Redis":              {migrate, redis, tcp, 6379, false},
		"migration to Entra":              {migrate, entra, tcp, 443, false},
		"migration to DNS":                {migrate, dns, udp, 53, true},
		"rotation to Postgres":            {rotate, postgres, tcp, 5432, true},
		"rotation to Key Vault":           {rotate, entra, tcp, 443, true},
		"rotation to issuer":              {rotate, issuer, tcp, 8080, false},
		"gateway to a rotation":           {gateway, rotate, tcp, 8080, false},
		"Postgres to the internet":        {postgres, entra, tcp, 443, false},
		"Redis to Postgres":               {redis, postgres, tcp, 5432, false},
		"somebody else's pods are open":   {stranger, stranger, tcp, 80, true},
	} {
		if got := flows(t, policies, c.from, c.to, c.protocol, c.port); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWithoutPeersNobodyComesIn(t *testing.T) {
	t.Parallel()
	r, err := render(t, valueFiles(t)["minimal"])
	if err != nil {
		t.Fatal(err)
	}
	issuer := end{labels: pods(r)["Deployment"].Labels, namespace: "auth"}
	policies := all[*networkingv1.NetworkPolicy](r)
	for name, from := range map[string]end{"gateway": gateway, "client": client, "prometheus": prometheus} {
		for _, port := range []int32{8080, 9090} {
			if flows(t, policies, from, issuer, corev1.ProtocolTCP, port) {
				t.Errorf("%s reaches %d", name, port)
			}
		}
	}
	if flows(t, policies, issuer, postgres, corev1.ProtocolTCP, 5432) || !flows(t, policies, issuer, entra, corev1.ProtocolTCP, 443) {
		t.Error("the issuer reaches Postgres, or not Entra")
	}
}
