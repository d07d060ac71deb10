{{- define "oomsight.labels" -}}
app.kubernetes.io/name: oomsight
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "oomsight.image" -}}
{{- $repository := required "image.repository must be set: build the image from the Dockerfile and push it where your nodes can pull it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "oomsight.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "oomsight.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10754
runAsGroup: 10754
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "oomsight.defaultPolicy" -}}
oomsight-default
{{- end }}

{{- /* Of what exists only while `helm uninstall` cleans up. */ -}}
{{- define "oomsight.cleanupMetadata" -}}
name: oomsight-cleanup
labels: {{- include "oomsight.labels" . | nindent 2 }}
  app.kubernetes.io/component: cleanup
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- /* What lets the operator into Prometheus, as sources of one volume; empty where nothing is needed. Any part may be missing, as
       with --reuse-values of a release from before. */ -}}
{{- define "oomsight.prometheusFiles" -}}
{{- with .Values.operator.prometheus }}
{{- if .url }}
{{- if (.caConfigMap).name }}
- configMap: {name: {{ .caConfigMap.name | quote }}, items: [{key: {{ .caConfigMap.key | default "ca.crt" | quote }}, path: ca.crt}]}
{{- end }}
{{- if (.tokenSecret).name }}
- secret: {name: {{ .tokenSecret.name | quote }}, items: [{key: {{ .tokenSecret.key | default "token" | quote }}, path: token}]}
{{- else if (.basicAuthSecret).name }}
- secret: {name: {{ .basicAuthSecret.name | quote }}, items: [{key: {{ .basicAuthSecret.key | default "basic-auth" | quote }}, path: basic-auth}]}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Of what exists only while `helm test` runs. */ -}}
{{- define "oomsight.testMetadata" -}}
name: oomsight-test
namespace: {{ .Release.Namespace }}
labels: {{- include "oomsight.labels" . | nindent 2 }}
  app.kubernetes.io/component: test
annotations:
  helm.sh/hook: test
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
