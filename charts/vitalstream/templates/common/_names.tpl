{{/* Names and labels. */}}

{{- define "vitalstream.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "vitalstream.fullname" -}}
{{- $name := include "vitalstream.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Labels that choose pods; with (dict "root" $ "component" "consumer") of one component. */}}
{{- define "vitalstream.selector" -}}
app.kubernetes.io/name: {{ include "vitalstream.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Labels of a resource: (dict "root" $ "component" "consumer"). */}}
{{- define "vitalstream.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: vitalstream
{{ include "vitalstream.selector" . }}
{{- end }}

{{/*
Labels of a resource that an operator watches. Its operator copies them to the pods it makes, so they
must not be those that our selectors choose by, nor change with the chart: brokers would restart.
*/}}
{{- define "vitalstream.operatorLabels" -}}
app.kubernetes.io/part-of: vitalstream
{{- end }}

{{/* Image of one of ours: (dict "root" $ "image" "consumer"). */}}
{{- define "vitalstream.image" -}}
{{- $images := .root.Values.images -}}
{{- $one := index $images .image -}}
{{- $registry := default $images.registry .root.Values.global.imageRegistry -}}
{{- $repository := $one.repository -}}
{{- if $registry -}}{{- $repository = printf "%s/%s" $registry $repository -}}{{- end -}}
{{- if $one.digest -}}
{{- printf "%s@%s" $repository $one.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (coalesce $one.tag $images.tag .root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- define "vitalstream.pullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.images.pullSecrets | uniq }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "vitalstream.serviceAccount" -}}
{{- default (ternary (include "vitalstream.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{/* Numbers as people write them: Helm reads 16777216 as 1.6777216e+07. */}}
{{- define "vitalstream.scalar" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{- int64 . -}}{{- else -}}{{- . -}}{{- end -}}
{{- end }}

{{/* A histogram's boundary as Prometheus labels it: 5 is "5.0". */}}
{{- define "vitalstream.boundary" -}}
{{- if eq (float64 .) (floor .) -}}{{- printf "%.1f" (float64 .) -}}{{- else -}}{{- . -}}{{- end -}}
{{- end }}
