{{/*
What all processes of Nova have in common. Each takes a dict: root, name (the component), command, port, resources.
`certified` are those who call rooms or are called: they have a certificate.
*/}}

{{- define "nova.labels" -}}
app.kubernetes.io/name: nova-{{ .name }}
app.kubernetes.io/component: {{ .name }}
app.kubernetes.io/part-of: nova
{{- if ne .name "pgbouncer" }}
app.kubernetes.io/version: {{ include "nova.version" .root | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* What runs of Nova, as a label may spell it: the tag, else the beginning of the digest. The pooler stays as it is. */}}
{{- define "nova.version" -}}
{{- .Values.image.tag | default (.Values.image.digest | replace ":" "-") | trunc 19 | trimSuffix "-" -}}
{{- end }}

{{- define "nova.selector" -}}
app.kubernetes.io/component: {{ .name }}
app.kubernetes.io/part-of: nova
{{- end }}

{{- define "nova.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ required "image.digest or image.tag has to be given" .tag }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Passwords are read when a process starts. So another revision of them replaces whoever reads some, after migrations. */}}
{{- define "nova.passwords" -}}
nova/passwords: {{ .Values.secrets.rolesRevision | quote }}
{{- end }}

{{/* Copies stand in several zones, and on several machines of each: the loss of one takes a share of them. */}}
{{- define "nova.spread" -}}
topologySpreadConstraints:
  {{- range $where := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $where }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "nova.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{/* A pod that is not root, writes nowhere but in its own memory, and has no rights in the cluster. */}}
{{- define "nova.pod" -}}
metadata:
  labels:
    {{- include "nova.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ .root.Values.config | toYaml | sha256sum }}
    {{- include "nova.passwords" .root | nindent 4 }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  # A process ends within NOVA_DRAIN_S (30) of its signal, the gateway's comes five seconds late; ten are to spare.
  terminationGracePeriodSeconds: 45
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  {{- include "nova.spread" . | nindent 2 }}
  containers:
    - name: {{ .name }}
      image: {{ include "nova.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ .command | toJson }}
      env:
        - {name: NOVA_DATA, value: /var/lib/nova}
        - {name: NOVA_GRPC_HOST, value: 0.0.0.0}
        - {name: NOVA_GRPC_TARGET, value: "nova-{room}:{port}"}
        - {name: NOVA_METRICS_PORT, value: "9464"}
        - {name: NOVA_PUBLIC_URL, value: "https://{{ .root.Values.gateway.host }}"}
        {{- if .certified }}
        - {name: NOVA_TLS_CERTIFICATE, value: /etc/nova/tls/tls.crt}
        - {name: NOVA_TLS_KEY, value: /etc/nova/tls/tls.key}
        - {name: NOVA_TLS_CA, value: /etc/nova/trust/ca.crt}
        {{- end }}
        {{- range $name, $value := .root.Values.config }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- range .env }}
        - {name: {{ .name }}, value: {{ .value | quote }}}
        {{- end }}
        - {name: NOVA_POSTGRES_PASSWORDS, value: /etc/nova/roles}
      # What comes later has the last word.
      envFrom:
        - secretRef: {name: {{ .root.Values.secrets.shared }}}
        {{- with index .root.Values.secrets.own .name }}
        - secretRef: {name: {{ . }}}
        {{- end }}
      {{- if ne .name "migrate" }}
      ports:
        {{- if .port }}
        - {name: serve, containerPort: {{ .port }}}
        {{- end }}
        - {name: metrics, containerPort: 9464}
      {{- end }}
      {{- with .lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .probes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      resources:
        requests: {cpu: {{ .resources.cpu | quote }}, memory: {{ .resources.memory }}}
        limits: {cpu: {{ .resources.cpu | quote }}, memory: {{ .resources.memory }}}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: data, mountPath: /var/lib/nova}
        - {name: tmp, mountPath: /tmp}
        {{- if .certified }}
        - {name: tls, mountPath: /etc/nova/tls, readOnly: true}
        - {name: trust, mountPath: /etc/nova/trust, readOnly: true}
        {{- end }}
        - {name: roles, mountPath: /etc/nova/roles, readOnly: true}
        {{- if .root.Values.kafkaAuthoritySecret }}
        - {name: kafka-authority, mountPath: /etc/nova/kafka, readOnly: true}
        {{- end }}
        {{- if .root.Values.engineAuthorities }}
        - {name: engine-authorities, mountPath: /etc/nova/engines, readOnly: true}
        {{- end }}
  volumes:
    - name: data
      emptyDir: {sizeLimit: 1Gi}
    - name: tmp
      emptyDir: {medium: Memory, sizeLimit: 64Mi}
    {{- if .certified }}
    - name: tls
      secret: {secretName: nova-{{ .name }}-tls, defaultMode: 0440}
    # Apart from the certificate, whose own `ca.crt` is the authority that issued it: trust in the next one comes first.
    - name: trust
      configMap: {name: {{ .root.Values.certificates.trust }}}
    {{- end }}
    - name: roles
      secret:
        secretName: {{ .root.Values.secrets.roles }}
        defaultMode: 0440
        {{- if ne .name "migrate" }}
        items:
          {{- if ne .name "gateway" }}
          - {key: nova_{{ .name }}, path: nova_{{ .name }}}
          {{- end }}
          - {key: nova_log, path: nova_log}
        {{- end }}
    {{- with .root.Values.kafkaAuthoritySecret }}
    - name: kafka-authority
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- with .root.Values.engineAuthorities }}
    - name: engine-authorities
      configMap: {name: {{ . }}}
    {{- end }}
{{- end }}

{{/*
Whether a process lives is asked at its metrics port, which answers from the first: one that waits for a neighbour lives, and
its own port is not open yet. Each adds how it is asked whether it is ready.
*/}}
{{- define "nova.lives" -}}
{{- $lives := dict "path" "/livez" "port" "metrics" -}}
startupProbe:
  httpGet: {{ $lives | toJson }}
  periodSeconds: 1
  failureThreshold: 60
  timeoutSeconds: 2
livenessProbe:
  httpGet: {{ $lives | toJson }}
  periodSeconds: 10
  failureThreshold: 3
  timeoutSeconds: 2
{{- end }}

{{- define "nova.ready-by-http" -}}
{{ include "nova.lives" . }}
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 2
  failureThreshold: 2
  timeoutSeconds: 2
{{- end }}

{{/* The kubelet's own gRPC probe speaks no TLS, so the probe runs beside the server and shows the room's certificate. */}}
{{- define "nova.ready-by-grpc" -}}
{{- $probe := list "grpc-health-probe" (printf "-addr=127.0.0.1:%v" .port) "-tls" (printf "-tls-server-name=%s.nova.internal" .name) "-tls-ca-cert=/etc/nova/trust/ca.crt" "-tls-client-cert=/etc/nova/tls/tls.crt" "-tls-client-key=/etc/nova/tls/tls.key" -}}
{{ include "nova.lives" . }}
readinessProbe:
  exec: {command: {{ $probe | toJson }}}
  periodSeconds: 2
  failureThreshold: 2
  timeoutSeconds: 2
{{- end }}

{{/* Not empty where the number of a room's replicas is the autoscaler's. */}}
{{- define "nova.scaled" -}}
{{- if and .root.Values.keda.enabled (gt (int .room.replicas.most) (int .room.replicas.least)) }}yes{{ end -}}
{{- end }}

{{/*
How many connections of PostgreSQL are not the pooler's, at the most replicas and in the middle of a roll-out, where one of
each part has come and one is going, or of the gateway as many canaries as there are gateways. Each process has one for its
bell, each relay one more for each room; three are PostgreSQL's administrators', two are migrations'.
*/}}
{{- define "nova.direct" -}}
{{- $rooms := 0 }}
{{- range .Values.rooms }}{{ $rooms = add $rooms .replicas.most 2 }}{{ end -}}
{{- $gateways := add .Values.gateway.replicas (ternary .Values.gateway.replicas 2 .Values.canary.enabled) }}
{{- $relays := mul (add .Values.relay.replicas 2) (add 1 (len .Values.rooms)) }}
{{- add $rooms $gateways $relays 3 2 }}
{{- end }}
