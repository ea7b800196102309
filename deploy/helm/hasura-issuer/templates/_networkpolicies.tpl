{{- define "issuer.egressDNS" -}}
- ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]
  to:
    {{- toYaml .dns.peers | nindent 4 }}
{{- end }}

{{- define "issuer.egressIssuer" -}}
- ports: [{ protocol: TCP, port: 8080 }]
  to:
    - podSelector:
        matchLabels:
          {{- include "issuer.selector" . | nindent 10 }}
          app.kubernetes.io/component: issuer
{{- end }}

{{/* To peers at their port; nothing where none is named, since an empty list would let everything through. */}}
{{- define "issuer.egressTo" -}}
{{- if .peers }}
- ports: [{ protocol: TCP, port: {{ .port }} }]
  to:
    {{- toYaml .peers | nindent 4 }}
{{- end }}
{{- end }}

{{/* DNS and Postgres, and where the caller says so Redis and Entra. */}}
{{- define "issuer.egress" -}}
{{ include "issuer.egressDNS" .policy }}
{{- include "issuer.egressTo" .policy.postgres }}
{{- if hasKey . "redis" }}
{{- include "issuer.egressTo" .policy.redis }}
{{- end }}
{{- if hasKey . "entra" }}
- ports: [{ protocol: TCP, port: 443 }]
  to:
    - ipBlock: { cidr: {{ .policy.entra.cidr }}, except: {{ toJson .policy.entra.except }} }
{{- end }}
{{- end }}
