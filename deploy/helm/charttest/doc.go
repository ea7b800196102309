// Package charttest holds the Helm chart and the compose file to their own formats and to what they promise. It renders by
// Helm's own library and reads by Kubernetes' and compose's own types. There is no cluster and no container here.
package charttest
