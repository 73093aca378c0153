{{/*
The versions that run, as JSON: [{"name", "track", "image"}]. Everything per version (Deployments, Services, policies)
ranges over this list, so that a strategy is one more case here and nowhere else.
*/}}
{{- define "histogram-eq.tracks" -}}
{{- $tracks := list -}}
{{- $hasStable := or .Values.image.digest .Values.image.tag -}}
{{- if $hasStable -}}
{{- $name := ternary (printf "%s-stable" .Values.app) .Values.app (eq .Values.strategy "canary") -}}
{{- $tracks = append $tracks (dict "name" $name "track" "stable" "image" .Values.image) -}}
{{- end -}}
{{- if eq (include "histogram-eq.hasCanary" .) "true" -}}
{{- if not $hasStable -}}
{{- fail "canary.image is set while image is empty: there is no stable version to share the traffic with. Set image.tag and image.digest first" -}}
{{- end -}}
{{- $image := merge (dict "repository" (default .Values.image.repository .Values.canary.image.repository)) .Values.canary.image -}}
{{- $tracks = append $tracks (dict "name" (printf "%s-canary" .Values.app) "track" "canary" "image" $image) -}}
{{- end -}}
{{- toJson $tracks -}}
{{- end -}}

{{/* "true" while a canary takes part: weight 0 or no digest means that there is none. */}}
{{- define "histogram-eq.hasCanary" -}}
{{- and (eq .Values.strategy "canary") (gt (int .Values.canary.weight) 0) (ne .Values.canary.image.digest "") -}}
{{- end -}}

{{/* The reference that is pulled: the digest decides when there is one, a tag could be moved. Takes an image map. */}}
{{- define "histogram-eq.imageRef" -}}
{{- required "image.repository is empty" .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end -}}
{{- end -}}

{{/* A tag as a label value: at most 63 characters, a letter or digit at both ends. */}}
{{- define "histogram-eq.version" -}}
{{- default "unknown" (.tag | trunc 63 | trimAll "._-") -}}
{{- end -}}
