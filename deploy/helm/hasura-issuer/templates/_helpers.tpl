{{- define "issuer.name" -}}
{{- if contains "issuer" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-issuer" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "issuer.selector" -}}
app.kubernetes.io/name: hasura-issuer
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "issuer.labels" -}}
{{ include "issuer.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "issuer.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end }}

{{/* The settings that name each secret's file. */}}
{{- define "issuer.secretSettings" -}}
databaseUrl: ISSUER_DATABASE_URL_FILE
keysEncryptionKey: ISSUER_KEYS_ENCRYPTION_KEY_FILE
redisUrl: ISSUER_REDIS_URL_FILE
entraClientSecret: ISSUER_ENTRA_CLIENT_SECRET_FILE
policyToken: ISSUER_POLICY_TOKEN_FILE
adminTokenSha256: ISSUER_ADMIN_TOKEN_SHA256_FILE
{{- end }}

{{- define "issuer.env" -}}
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ if kindIs "float64" $value }}{{ int64 $value | quote }}{{ else }}{{ $value | toString | quote }}{{ end }} }
{{- end }}
- { name: ISSUER_LISTEN, value: ":8080" }
- { name: ISSUER_ADMIN_LISTEN, value: ":9090" }
- { name: ISSUER_DRAIN_DELAY, value: {{ printf "%ds" (int .Values.drainDelaySeconds) | quote }} }
- { name: ISSUER_ROTATE, value: {{ .Values.rotate | quote }} }
- { name: GOMEMLIMIT, value: {{ .Values.goMemoryLimit | quote }} }
{{- with .Values.workloadIdentity.clientId }}
- { name: ISSUER_ENTRA_CLIENT_ID, value: {{ . | quote }} }
{{- end }}
{{- range $name, $setting := include "issuer.secretSettings" . | fromYaml }}
{{- if (index $.Values.secrets $name).name }}
- { name: {{ $setting }}, value: /run/secrets/issuer/{{ kebabcase $name }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "issuer.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "issuer.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* The least that `issuer migrate` needs: it sees no key and has no identity. */}}
{{- define "issuer.migrateEnv" -}}
{{- range $name, $value := .Values.settings }}
{{- if or (hasPrefix "ISSUER_LOG_" $name) (eq "SSL_CERT_FILE" $name) }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end }}
- { name: ISSUER_DATABASE_URL_FILE, value: /run/secrets/issuer/database-url }
{{- end }}

{{- define "issuer.volumeMounts" -}}
- { name: secrets, mountPath: /run/secrets/issuer, readOnly: true }
{{- range $name, $file := .Values.files }}
- { name: file-{{ $name }}, mountPath: /etc/issuer/{{ $name }}, readOnly: true }
{{- end }}
{{- end }}

{{/* With `only`, the one secret of that name. */}}
{{- define "issuer.volumes" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $secret := .root.Values.secrets }}
      {{- if and $secret.name (or (not $.only) (eq $.only $name)) }}
      - secret: { name: {{ $secret.name | quote }}, items: [{ key: {{ $secret.key | quote }}, path: {{ kebabcase $name }} }] }
      {{- end }}
      {{- end }}
{{- range $name, $file := .root.Values.files }}
- { name: file-{{ $name }}, configMap: { name: {{ $file.configMap | quote }} } }
{{- end }}
{{- end }}

{{/* What one container of ours runs with, but for its command and environment. */}}
{{- define "issuer.container" -}}
image: {{ include "issuer.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "issuer.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  {{- include "issuer.volumeMounts" . | nindent 2 }}
{{- end }}

{{/* What every pod of ours has. */}}
{{- define "issuer.podCommon" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "issuer.podSecurity" . | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "issuer.podLabels" -}}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- if .Values.workloadIdentity.clientId }}
azure.workload.identity/use: "true"
{{- end }}
{{- end }}
