{{/*
The versions that run, as JSON: [{"name", "image", "match"}]. `match` are the labels that tell the version's pods from those of
the others. Everything per version (Deployments, worker Services, policies) ranges over this list, so that a strategy is one
more case here; the Services that requests come through are the list below.
*/}}
{{- define "histogram-eq.tracks" -}}
{{- $tracks := list -}}
{{- $app := .Values.app -}}
{{- $hasStable := or .Values.image.digest .Values.image.tag -}}
{{- if eq .Values.strategy "blueGreen" -}}
{{- range $slot := list "blue" "green" -}}
{{- $image := (index $.Values.blueGreen $slot).image -}}
{{- if $image.digest -}}
{{- $own := merge (dict "repository" (default $.Values.image.repository $image.repository)) $image -}}
{{- $tracks = append $tracks (dict "name" (printf "%s-%s" $app $slot) "image" $own "match" (dict "slot" $slot)) -}}
{{- end -}}
{{- end -}}
{{- else if eq (include "histogram-eq.isRollout" .) "true" -}}
{{- /* The controller puts the label `track` on the pods and moves it: it can be no part of a selector. */ -}}
{{- if $hasStable -}}
{{- $tracks = append $tracks (dict "name" $app "image" .Values.image "match" dict) -}}
{{- end -}}
{{- else -}}
{{- if $hasStable -}}
{{- $name := ternary (printf "%s-stable" $app) $app (eq .Values.strategy "canary") -}}
{{- $tracks = append $tracks (dict "name" $name "image" .Values.image "match" (dict "track" "stable")) -}}
{{- end -}}
{{- if eq (include "histogram-eq.hasCanary" .) "true" -}}
{{- if not $hasStable -}}
{{- fail "canary.image is set while image is empty: there is no stable version to share the traffic with. Set image.tag and image.digest first" -}}
{{- end -}}
{{- $image := merge (dict "repository" (default .Values.image.repository .Values.canary.image.repository)) .Values.canary.image -}}
{{- $tracks = append $tracks (dict "name" (printf "%s-canary" $app) "image" $image "match" (dict "track" "canary")) -}}
{{- end -}}
{{- end -}}
{{- toJson $tracks -}}
{{- end -}}

{{/*
The Services in front of the masters, as JSON: [{"name", "match", "weight"}]. The HTTPRoute leads to those with a weight; the
preview of blueGreen has none.
*/}}
{{- define "histogram-eq.fronts" -}}
{{- $fronts := list -}}
{{- $tracks := include "histogram-eq.tracks" . | fromJsonArray -}}
{{- $app := .Values.app -}}
{{- if not $tracks -}}
{{- else if eq .Values.strategy "blueGreen" -}}
{{- $active := .Values.blueGreen.active -}}
{{- $fronts = append $fronts (dict "name" $app "match" (dict "slot" $active) "weight" 100) -}}
{{- $fronts = append $fronts (dict "name" (printf "%s-preview" $app) "match" (dict "slot" (ternary "green" "blue" (eq $active "blue")))) -}}
{{- else if eq (include "histogram-eq.isRollout" .) "true" -}}
{{- $fronts = append $fronts (dict "name" (printf "%s-stable" $app) "match" dict "weight" 100) -}}
{{- $fronts = append $fronts (dict "name" (printf "%s-canary" $app) "match" dict "weight" 0) -}}
{{- else -}}
{{- $weight := ternary (int .Values.canary.weight) 0 (eq (len $tracks) 2) -}}
{{- range $tracks -}}
{{- $fronts = append $fronts (dict "name" .name "match" .match "weight" (ternary $weight (sub 100 $weight) (eq .match.track "canary"))) -}}
{{- end -}}
{{- end -}}
{{- toJson $fronts -}}
{{- end -}}

{{/* "true" while a canary takes part: weight 0 or no digest means that there is none. */}}
{{- define "histogram-eq.hasCanary" -}}
{{- and (eq .Values.strategy "canary") (gt (int .Values.canary.weight) 0) (ne .Values.canary.image.digest "") -}}
{{- end -}}

{{/* "true" when Argo Rollouts moves the weights. */}}
{{- define "histogram-eq.isRollout" -}}
{{- and (eq .Values.strategy "canary") (eq .Values.router "rollouts") -}}
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
