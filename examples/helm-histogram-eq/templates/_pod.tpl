{{/* The pod of one component of one version. Takes a dict with root, track, component. */}}
{{- define "histogram-eq.pod" -}}
{{- $values := .root.Values -}}
{{- $own := index $values .component -}}
metadata:
  labels:
    {{- include "histogram-eq.trackLabels" . | nindent 4 }}
  annotations:
    revision: {{ .track.image.revision | quote }}
    # Environment variables are read once, at start: a new ConfigMap must mean new pods.
    checksum/settings: {{ toJson $values.settings | sha256sum }}
spec:
  serviceAccountName: {{ $values.app }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "histogram-eq.selector" $ | nindent 10 }}
    {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "histogram-eq.imageRef" .track.image | quote }}
      imagePullPolicy: IfNotPresent
      args:
        - k8s_histogram_eq.{{ .component }}
      ports:
        - name: http
          containerPort: {{ $own.port }}
          protocol: TCP
      envFrom:
        - configMapRef:
            name: {{ $values.app }}
      env:
        - name: PORT
          value: {{ $own.port | quote }}
        - name: REVISION
          value: {{ .track.image.revision | default .track.image.tag | quote }}
        {{- if eq .component "master" }}
        # Headless Service: all its addresses are looked up again every few seconds. Only workers of the same version.
        - name: WORKERS
          value: {{ printf "dns+http://%s-worker:%d" .track.name (int $values.worker.port) | quote }}
        {{- end }}
        {{- range $name, $value := $values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      startupProbe:
        httpGet:
          path: /healthz
          port: http
        periodSeconds: 1
        failureThreshold: 60
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      livenessProbe:
        httpGet:
          path: /healthz
          port: http
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $values.preStopSeconds }}
      resources:
        {{- toYaml $own.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
{{- end -}}
