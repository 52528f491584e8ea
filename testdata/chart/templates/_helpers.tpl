{{/* The values that the controller is given for the control planes it makes. */}}
{{- define "spaces.controlPlaneValues" -}}
account: {{ .Values.account }}
registry: {{ .Values.registry }}
billing:
  {{- toYaml .Values.billing | nindent 2 }}
controlPlanes:
  {{- toYaml .Values.controlPlanes | nindent 2 }}
{{- end }}

{{- define "spaces.controlPlaneValuesJSON" -}}
{{ include "spaces.controlPlaneValues" . | fromYaml | toJson }}
{{- end }}

{{- define "spaces.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "spaces.image" -}}
{{ .root.Values.registry }}/{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* Fails for a carrier that no template renders. */}}
{{- define "spaces.checkCarrier" -}}
{{- $known := list "configmap-yaml" "configmap-json" "secret" "args" "env" "crossplane-release" "flux" "argocd" "custom-resource" "none" }}
{{- if not (has .Values.standIn.carrier $known) }}
{{- fail (printf "standIn.carrier is %q; it is one of %s" .Values.standIn.carrier (join ", " $known)) }}
{{- end }}
{{- end }}
