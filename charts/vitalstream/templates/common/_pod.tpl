{{/* Parts of every pod of ours. */}}

{{/* Metadata of a pod: (dict "root" $ "component" "consumer" "values" .Values.consumer). */}}
{{- define "vitalstream.podMetadata" -}}
{{- $annotations := merge (dict) (default dict .values.podAnnotations) .root.Values.pods.annotations -}}
{{- /* All else that a pod is told is in its specification; a Secret's change is told by restarting. */}}
{{- if .root.Values.development.enabled -}}
{{- $_ := set $annotations "checksum/development" (.root.Files.Get "files/reload.py" | sha256sum | trunc 16) -}}
{{- end -}}
{{- $labels := merge (include "vitalstream.selector" . | fromYaml) (default dict .values.podLabels) .root.Values.pods.labels -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- end }}

{{/* What a pod's spec begins with, by the same arguments. */}}
{{- define "vitalstream.podSpec" -}}
{{- $pods := .root.Values.pods -}}
serviceAccountName: {{ include "vitalstream.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "vitalstream.pullSecrets" .root }}
securityContext:
  {{- toYaml $pods.securityContext | nindent 2 }}
{{- with default $pods.nodeSelector .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $pods.tolerations .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $pods.affinity .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "vitalstream.topologySpread" -}}
{{- $spread := .root.Values.pods.topologySpread -}}
{{- if $spread.enabled }}
topologySpreadConstraints:
{{- range $key := $spread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $spread.whenUnsatisfiable }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "vitalstream.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Container fields that all share: (dict "root" $ "image" "consumer" "resources" ..). */}}
{{- define "vitalstream.container" -}}
image: {{ include "vitalstream.image" . }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.pods.containerSecurityContext | nindent 2 }}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end }}

{{/* Startup and liveness never look at a dependency; readiness does. */}}
{{- define "vitalstream.probes" -}}
startupProbe:
  httpGet: {path: /startupz, port: ops}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: ops}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: ops}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{- define "vitalstream.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/vitalstream, readOnly: true}
{{- if .development }}
- {name: src, mountPath: /src}
- {name: development, mountPath: /opt/development, readOnly: true}
{{- end }}
{{- end }}

{{- define "vitalstream.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{ include "vitalstream.secretsVolume" . }}
{{- if .development }}
- name: src
  emptyDir: {sizeLimit: 64Mi}
- name: development
  configMap: {name: {{ include "vitalstream.fullname" .root }}-development}
{{- end }}
{{- end }}

{{/*
An init container that waits for the database to let its login in, and says so every ten seconds:
(dict "root" $ "image" "consumer" "login" "writer" "seconds" 600).
*/}}
{{- define "vitalstream.waitForDatabase" -}}
- name: wait-for-database
  {{- include "vitalstream.container" (dict "root" .root "image" .image "resources" .resources) | nindent 2 }}
  command: [python, -c]
  args:
    - |
      {{- .root.Files.Get "files/wait_for_database.py" | nindent 6 }}
    - {{ .seconds | quote }}
  env:
    {{- include "vitalstream.environment" (dict "root" .root "database" .login) | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: secrets, mountPath: /run/secrets/vitalstream, readOnly: true}
{{- end }}

{{/* Annotations of a pod of helm test, by the root. */}}
{{- define "vitalstream.testAnnotations" -}}
{{- toYaml (merge (dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" "checkov.io/skip1" "CKV_K8S_8=it runs once and ends" "checkov.io/skip2" "CKV_K8S_9=it runs once and ends") .Values.pods.annotations) }}
{{- end }}

{{/*
Replicas of a Deployment; empty where somebody else has the say: (dict "root" $ "component" "consumer"
"values" .Values.consumer "scaled" true).
A field that goes away falls to 1. So where Helm set it last, or applies by comparing manifests as
Helm 3 does, what is there is said once more, the autoscaler's minimum at least; once kubectl scale or
an autoscaler has set it under server-side apply, it is theirs.
*/}}
{{- define "vitalstream.replicas" -}}
{{- $values := .values -}}
{{- if not (or .scaled (kindIs "invalid" $values.replicas)) -}}
{{- $values.replicas -}}
{{- else -}}
{{- $there := lookup "apps/v1" "Deployment" .root.Release.Namespace (printf "%s-%s" (include "vitalstream.fullname" .root) .component) -}}
{{- $applied := false -}}
{{- $ours := false -}}
{{- range dig "metadata" "managedFields" list $there -}}
{{- if eq .operation "Apply" -}}{{- $applied = true -}}{{- end -}}
{{- if and (hasKey (dig "fieldsV1" "f:spec" dict .) "f:replicas") (ne (dig "subresource" "" .) "scale") -}}{{- $ours = true -}}{{- end -}}
{{- end -}}
{{- if and $there (or $ours (not $applied)) -}}
{{- max (int (dig "spec" "replicas" 1 $there)) (ternary (int (dig "autoscaling" "minReplicas" 0 $values)) 0 (default false .scaled)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
A service's Deployment:
(dict "root" $ "component" "consumer" "values" .Values.consumer "kafka" "consumer" "database" "writer"
 "scaled" false "ports" (list (dict "name" "page" "containerPort" 8501)) "strategy" (dict ..))
*/}}
{{- define "vitalstream.deployment" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $development := $root.Values.development.enabled -}}
{{- $told := dict "root" $root "settings" $values.settings "secretSettings" $values.secretSettings "extraEnv" (concat (default list .env) $values.extraEnv) "kafka" .kafka "database" .database "tracing" .tracing "development" $development -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "vitalstream.fullname" $root }}-{{ .component }}
  labels:
    {{- include "vitalstream.labels" . | nindent 4 }}
spec:
  {{- with include "vitalstream.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  revisionHistoryLimit: 5
  {{- with .strategy }}
  strategy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "vitalstream.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "vitalstream.podMetadata" . | nindent 6 }}
    spec:
      {{- include "vitalstream.podSpec" . | nindent 6 }}
      {{- include "vitalstream.topologySpread" . | nindent 6 }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- if .database }}
      initContainers:
        {{- include "vitalstream.waitForDatabase" (dict "root" $root "image" .component "login" .database "seconds" 600 "resources" $root.Values.migrations.resources) | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          {{- include "vitalstream.container" (dict "root" $root "image" .component "resources" $values.resources) | nindent 10 }}
          {{- if $development }}
          command: [python, /opt/development/reload.py, vitalstream_{{ .component }}]
          {{- end }}
          env:
            {{- include "vitalstream.environment" $told | nindent 12 }}
          ports:
            - {name: ops, containerPort: 8080}
            {{- range .ports }}
            - {name: {{ .name }}, containerPort: {{ .containerPort }}}
            {{- end }}
          {{- include "vitalstream.probes" . | nindent 10 }}
          {{- with .lifecycle }}
          lifecycle:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            {{- include "vitalstream.mounts" $told | nindent 12 }}
      volumes:
        {{- include "vitalstream.volumes" $told | nindent 8 }}
{{- end }}

{{/*
A Job's pod template: (dict "root" $ "component" "maintain" "values" .Values.maintenance "image" "storage"
"arguments" (list "maintain") "kafka" "" "database" "owner" "wait" 600).
*/}}
{{- define "vitalstream.jobPod" -}}
{{- $told := dict "root" .root "settings" .values.settings "kafka" .kafka "database" .database -}}
metadata:
  {{- include "vitalstream.podMetadata" . | nindent 2 }}
spec:
  {{- include "vitalstream.podSpec" . | nindent 2 }}
  restartPolicy: Never
  {{- with .wait }}
  initContainers:
    {{- include "vitalstream.waitForDatabase" (dict "root" $.root "image" $.image "login" $.database "seconds" . "resources" $.values.resources) | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      {{- include "vitalstream.container" (dict "root" .root "image" .image "resources" .values.resources) | nindent 6 }}
      args:
        {{- toYaml .arguments | nindent 8 }}
      env:
        {{- include "vitalstream.environment" $told | nindent 8 }}
      volumeMounts:
        {{- include "vitalstream.mounts" $told | nindent 8 }}
  volumes:
    {{- include "vitalstream.volumes" $told | nindent 4 }}
{{- end }}
