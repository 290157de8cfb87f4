{{/* Selects the pods of some parts, or of all where none are named. */}}
{{- define "nova.parts" -}}
matchLabels: {app.kubernetes.io/part-of: nova}
{{- with . }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: {{ toJson . }}}
{{- end }}
{{- end }}

{{/* A way within Nova: `parts` may reach the pods of `to` at `port`. It is opened at both ends. */}}
{{- define "nova.way" }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: nova-{{ .to }}
spec:
  podSelector:
    {{- include "nova.parts" (list .to) | nindent 4 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            {{- include "nova.parts" .parts | nindent 12 }}
      ports:
        - {protocol: TCP, port: {{ .port }}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: nova-to-{{ .to }}
spec:
  podSelector:
    {{- include "nova.parts" .parts | nindent 4 }}
  policyTypes: [Egress]
  egress:
    - to:
        - podSelector:
            {{- include "nova.parts" (list .to) | nindent 12 }}
      ports:
        - {protocol: TCP, port: {{ .port }}}
{{- end }}
