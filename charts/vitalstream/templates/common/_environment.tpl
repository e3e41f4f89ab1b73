{{/*
What a container of ours is told:
(dict "root" $ "settings" .. "secretSettings" .. "extraEnv" .. "kafka" "consumer" "database" "writer"
"tracing" true)
kafka is a key of kafka.users, database one of database.logins; any of the last may be left out.
Passwords and CAs are files in SECRETS_DIR, never variables.
*/}}
{{- define "vitalstream.environment" -}}
{{- $root := .root -}}
- name: OPS_PORT
  value: "8080"
- name: LOG_LEVEL
  value: {{ $root.Values.logs.level }}
- name: LOG_FORMAT
  value: {{ $root.Values.logs.format }}
- name: SECRETS_DIR
  value: /run/secrets/vitalstream
{{- with .kafka }}
{{- include "vitalstream.environment.kafka" (dict "root" $root "user" .) }}
{{- end }}
{{- with .database }}
{{- include "vitalstream.environment.database" (dict "root" $root "login" .) }}
{{- end }}
{{- if and .tracing $root.Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ $root.Values.tracing.endpoint | quote }}
{{- end }}
{{- range $name, $value := .settings }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ include "vitalstream.scalar" $value | quote }}
{{- end }}
{{- end }}
{{- if $root.Values.development.enabled }}
- name: PYTHONPATH
  value: /src
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "vitalstream.environment.kafka" -}}
{{- $root := .root -}}
{{- $kafka := $root.Values.kafka -}}
{{- $user := include "vitalstream.kafka.user" . | fromJson -}}
{{- $protocol := include "vitalstream.kafka.protocol" $root }}
- name: KAFKA_BOOTSTRAP_SERVERS
  value: {{ include "vitalstream.kafka.bootstrap" $root | quote }}
- name: KAFKA_TOPIC
  value: {{ $kafka.topic.name | quote }}
- name: KAFKA_TOPIC_CREATE
  value: {{ and (eq $kafka.mode "external") $kafka.topic.create | quote }}
{{- if and (eq $kafka.mode "external") $kafka.topic.create }}
- name: KAFKA_TOPIC_PARTITIONS
  value: {{ $kafka.topic.partitions | quote }}
- name: KAFKA_TOPIC_REPLICATION_FACTOR
  value: {{ $kafka.topic.replicas | quote }}
{{- end }}
{{- if eq .user "consumer" }}
- name: KAFKA_GROUP_ID
  value: {{ $kafka.consumerGroup.id | quote }}
- name: KAFKA_GROUP_PROTOCOL
  value: {{ $kafka.consumerGroup.protocol }}
{{- end }}
- name: KAFKA_SECURITY_PROTOCOL
  value: {{ $protocol }}
{{- if contains "SASL" $protocol }}
- name: KAFKA_SASL_MECHANISM
  value: {{ ternary "SCRAM-SHA-512" $kafka.external.saslMechanism (eq $kafka.mode "strimzi") }}
{{- if not $user.usernameKey }}
- name: KAFKA_SASL_USERNAME
  value: {{ $user.username | quote }}
{{- end }}
{{- end }}
{{- if (include "vitalstream.kafka.ca" $root | fromJson).secret }}
- name: KAFKA_SSL_CA_LOCATION
  value: /run/secrets/vitalstream/kafka-ca.crt
{{- end }}
{{- end }}

{{- define "vitalstream.environment.database" -}}
{{- $root := .root -}}
{{- $login := include "vitalstream.database.login" . | fromJson -}}
{{- $place := include "vitalstream.database.place" . | fromJson }}
- name: PGHOST
  value: {{ $place.host | quote }}
- name: PGPORT
  value: {{ $place.port | quote }}
- name: PGDATABASE
  value: {{ $root.Values.database.name | quote }}
{{- if not $login.usernameKey }}
- name: PGUSER
  value: {{ $login.username | quote }}
{{- end }}
- name: PGSSLMODE
  value: {{ $place.sslMode }}
{{- if $place.caSecret }}
- name: PGSSLROOTCERT
  value: /run/secrets/vitalstream/postgres-ca.crt
{{- end }}
{{- with $place.session }}
- name: PGTARGETSESSIONATTRS
  value: {{ . }}
{{- end }}
{{- end }}

{{/* The volume of secrets that goes with it, by the same arguments. */}}
{{- define "vitalstream.secretsVolume" -}}
{{- $root := .root -}}
- name: secrets
  projected:
    # Readable by the pod's group alone.
    defaultMode: 0440
    sources:
      - secret:
          name: {{ default (printf "%s-log-id" (include "vitalstream.fullname" $root)) $root.Values.logs.idKey.existingSecret }}
          items: [{key: {{ $root.Values.logs.idKey.key }}, path: LOG_ID_KEY}]
{{- with .kafka }}
{{- $user := include "vitalstream.kafka.user" (dict "root" $root "user" .) | fromJson }}
{{- $ca := include "vitalstream.kafka.ca" $root | fromJson }}
{{- if contains "SASL" (include "vitalstream.kafka.protocol" $root) }}
{{- include "vitalstream.secretItem" (dict "secret" $user.secret "key" $user.passwordKey "path" "KAFKA_SASL_PASSWORD") }}
{{- with $user.usernameKey }}
{{- include "vitalstream.secretItem" (dict "secret" $user.secret "key" . "path" "KAFKA_SASL_USERNAME") }}
{{- end }}
{{- end }}
{{- if $ca.secret }}
{{- include "vitalstream.secretItem" (dict "secret" $ca.secret "key" $ca.key "path" "kafka-ca.crt") }}
{{- end }}
{{- end }}
{{- with .database }}
{{- $login := include "vitalstream.database.login" (dict "root" $root "login" .) | fromJson }}
{{- $place := include "vitalstream.database.place" (dict "root" $root "login" .) | fromJson }}
{{- include "vitalstream.secretItem" (dict "secret" $login.secret "key" $login.passwordKey "path" "PGPASSWORD") }}
{{- with $login.usernameKey }}
{{- include "vitalstream.secretItem" (dict "secret" $login.secret "key" . "path" "PGUSER") }}
{{- end }}
{{- if $place.caSecret }}
{{- /* The certificate alone: CloudNativePG keeps the CA's key in the same Secret. */}}
{{- include "vitalstream.secretItem" (dict "secret" $place.caSecret "key" $place.caKey "path" "postgres-ca.crt") }}
{{- end }}
{{- end }}
{{- range $variable, $from := .secretSettings }}
{{- include "vitalstream.secretItem" (dict "secret" $from.secret "key" $from.key "path" $variable) }}
{{- end }}
{{- end }}

{{- define "vitalstream.secretItem" }}
      - secret:
          name: {{ .secret }}
          items: [{key: {{ .key }}, path: {{ .path }}}]
{{- end }}
