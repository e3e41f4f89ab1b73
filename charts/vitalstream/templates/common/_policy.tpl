{{/* Parts of NetworkPolicies. */}}

{{/* DNS, for every pod. */}}
{{- define "vitalstream.policy.dns" -}}
- to:
  {{- with .Values.networkPolicy.dns }}
    {{- toYaml . | nindent 4 }}
  {{- else }}
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
  {{- end }}
  ports:
  {{- range .Values.networkPolicy.dnsPorts }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
  {{- end }}
{{- end }}

{{/* The brokers. */}}
{{- define "vitalstream.policy.kafka" -}}
- ports:
  {{- range include "vitalstream.kafka.ports" . | fromJsonArray }}
    - {protocol: TCP, port: {{ . }}}
  {{- end }}
  {{- if eq .Values.kafka.mode "strimzi" }}
  to:
    - podSelector: {matchLabels: {strimzi.io/cluster: {{ include "vitalstream.kafka.cluster" . }}, strimzi.io/kind: Kafka}}
  {{- else }}
  {{- with .Values.kafka.external.peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* The database servers. */}}
{{- define "vitalstream.policy.database" -}}
- ports:
    - {protocol: TCP, port: {{ ternary 5432 (int .Values.database.external.port) (eq .Values.database.mode "cnpg") }}}
  {{- if eq .Values.database.mode "cnpg" }}
  to:
    - podSelector: {matchLabels: {cnpg.io/cluster: {{ include "vitalstream.database.cluster" . }}}}
  {{- else }}
  {{- with .Values.database.external.peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* The collector of spans; a URL without a port has its scheme's. */}}
{{- define "vitalstream.policy.tracing" -}}
{{- $url := urlParse .Values.tracing.endpoint }}
- ports:
    - {protocol: TCP, port: {{ regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) }}}
  {{- with .Values.tracing.peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Prometheus, to the ops port. */}}
{{- define "vitalstream.policy.scrape" -}}
{{- with .Values.networkPolicy.monitoring }}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
    - {protocol: TCP, port: 8080}
{{- end }}
{{- end }}

{{/*
The policy of one component: (dict "root" $ "component" "consumer" "kafka" true "database" true
"tracing" true "ingress" "rules as text" "egress" .Values.networkPolicy.consumerEgress)
*/}}
{{- define "vitalstream.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "vitalstream.fullname" .root }}-{{ .component }}
  labels:
    {{- include "vitalstream.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "vitalstream.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- with .ingress | trim }}
  ingress:
    {{- . | nindent 4 }}
  {{- else }}
  ingress: []
  {{- end }}
  egress:
    {{- include "vitalstream.policy.dns" .root | nindent 4 }}
    {{- if .kafka }}
    {{- include "vitalstream.policy.kafka" .root | nindent 4 }}
    {{- end }}
    {{- if .database }}
    {{- include "vitalstream.policy.database" .root | nindent 4 }}
    {{- end }}
    {{- if and .tracing .root.Values.tracing.endpoint }}
    {{- include "vitalstream.policy.tracing" .root | nindent 4 }}
    {{- end }}
    {{- with .egress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
