{{/* Where Kafka and PostgreSQL are, and who logs in: operator-made and external ones alike. */}}

{{- define "vitalstream.kafka.cluster" -}}{{ include "vitalstream.fullname" . }}-kafka{{- end }}
{{- define "vitalstream.database.cluster" -}}{{ include "vitalstream.fullname" . }}-postgres{{- end }}

{{- define "vitalstream.kafka.bootstrap" -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
{{ include "vitalstream.kafka.cluster" . }}-kafka-bootstrap.{{ .Release.Namespace }}.svc:9093
{{- else -}}
{{ .Values.kafka.external.bootstrapServers }}
{{- end -}}
{{- end }}

{{- define "vitalstream.kafka.protocol" -}}
{{ ternary "SASL_SSL" .Values.kafka.external.securityProtocol (eq .Values.kafka.mode "strimzi") }}
{{- end }}

{{/* One Kafka user, as JSON: (dict "root" $ "user" "consumer") -> username, secret, keys. */}}
{{- define "vitalstream.kafka.user" -}}
{{- $told := index .root.Values.kafka.users .user -}}
{{- if eq .root.Values.kafka.mode "strimzi" -}}
{{- $name := printf "%s-%s" (include "vitalstream.fullname" .root) .user -}}
{{- dict "username" $name "secret" $name "passwordKey" "password" "usernameKey" "" | toJson -}}
{{- else -}}
{{- dict "username" $told.username "secret" $told.existingSecret "passwordKey" $told.passwordKey "usernameKey" $told.usernameKey | toJson -}}
{{- end -}}
{{- end }}

{{/* The brokers' CA, as JSON: secret, key; secret is empty where there is none. */}}
{{- define "vitalstream.kafka.ca" -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
{{- dict "secret" (printf "%s-cluster-ca-cert" (include "vitalstream.kafka.cluster" .)) "key" "ca.crt" | toJson -}}
{{- else if contains "SSL" (include "vitalstream.kafka.protocol" .) -}}
{{- dict "secret" .Values.kafka.external.ca.existingSecret "key" .Values.kafka.external.ca.key | toJson -}}
{{- else -}}
{{- dict "secret" "" "key" "" | toJson -}}
{{- end -}}
{{- end }}

{{/* Ports of the brokers, as a JSON list of numbers. */}}
{{- define "vitalstream.kafka.ports" -}}
{{- $ports := list -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
{{- $ports = list 9093 -}}
{{- else -}}
{{- range splitList "," .Values.kafka.external.bootstrapServers -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) -}}
{{- end -}}
{{- range .Values.kafka.external.ports -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end }}

{{/* One database login, as JSON: (dict "root" $ "login" "writer") -> username, secret, keys. */}}
{{- define "vitalstream.database.login" -}}
{{- $told := index .root.Values.database.logins .login -}}
{{- $secret := $told.existingSecret -}}
{{- $usernameKey := $told.usernameKey -}}
{{- if eq .root.Values.database.mode "cnpg" -}}
{{- $usernameKey = "" -}}
{{- if not $secret -}}
{{- $secret = ternary (printf "%s-app" (include "vitalstream.database.cluster" .root)) (printf "%s-database-%s" (include "vitalstream.fullname" .root) .login) (eq .login "owner") -}}
{{- end -}}
{{- end -}}
{{- dict "username" $told.username "secret" $secret "passwordKey" $told.passwordKey "usernameKey" $usernameKey | toJson -}}
{{- end }}

{{/* The database servers, as JSON: (dict "root" $ "login" "viewer") -> host, port, sslMode, session, ca. */}}
{{- define "vitalstream.database.place" -}}
{{- $root := .root -}}
{{- $reads := eq .login "viewer" -}}
{{- if eq $root.Values.database.mode "cnpg" -}}
{{- $cluster := include "vitalstream.database.cluster" $root -}}
{{- /* -ro is empty during a failover, and where there is but one server */ -}}
{{- $host := ternary (printf "%s-ro,%s-rw" $cluster $cluster) (printf "%s-rw" $cluster) (and $reads (gt (int $root.Values.database.cnpg.instances) 1)) -}}
{{- dict "host" $host "port" 5432 "sslMode" "verify-full" "session" (ternary "prefer-standby" "" (contains "," $host)) "caSecret" (printf "%s-ca" $cluster) "caKey" "ca.crt" | toJson -}}
{{- else -}}
{{- $external := $root.Values.database.external -}}
{{- $host := ternary (default $external.host $external.readHost) $external.host $reads -}}
{{- $session := ternary (ternary "prefer-standby" "read-write" $reads) "" (contains "," $host) -}}
{{- dict "host" $host "port" (int $external.port) "sslMode" $external.sslMode "session" $session "caSecret" $external.ca.existingSecret "caKey" $external.ca.key | toJson -}}
{{- end -}}
{{- end }}
