{{/* Labels of objects that belong to the whole application. Takes the root context. */}}
{{- define "histogram-eq.labels" -}}
app: {{ .Values.app }}
app.kubernetes.io/name: {{ .Values.app }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/*
What selectors match: never a version, because a Deployment's selector cannot be changed.
Takes a dict with root, track, component.
*/}}
{{- define "histogram-eq.selector" -}}
app: {{ .root.Values.app }}
{{- range $key, $value := .track.match }}
{{ $key }}: {{ $value }}
{{- end }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of an object of one version and component. Takes a dict with root, track, component. */}}
{{- define "histogram-eq.trackLabels" -}}
{{ include "histogram-eq.labels" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ include "histogram-eq.version" .track.image | quote }}
{{- range $key, $value := .track.match }}
{{ $key }}: {{ $value }}
{{- end }}
{{- end -}}

{{/* The name of a component of a version: the master has the version's own name. Takes a dict with track, component. */}}
{{- define "histogram-eq.componentName" -}}
{{ .track.name }}{{ if eq .component "worker" }}-worker{{ end }}
{{- end -}}
