{{/*
Secrets that the values name and the cluster does not have, or without the key, one a line; empty where
no cluster can be asked. Those that the chart or an operator makes are not looked for.
*/}}
{{- define "vitalstream.missingSecrets" -}}
{{- $root := . -}}
{{- $found := list -}}
{{- $own := printf "%s-" (include "vitalstream.fullname" .) -}}
{{- range $part, $needs := dict "producer" (list "producer" "") "consumer" (list "consumer" "writer") "dashboard" (list "" "viewer") "replay" (list "replay" "operator") "migrations" (list "" "owner") "maintenance" (list "" "owner") -}}
{{- $values := index $root.Values $part -}}
{{- if $values.enabled -}}
{{- $volume := include "vitalstream.secretsVolume" (dict "root" $root "secretSettings" $values.secretSettings "kafka" (first $needs) "database" (last $needs)) | fromYamlArray | first -}}
{{- range $volume.projected.sources -}}
{{- $name := .secret.name -}}
{{- $data := dig "data" dict (lookup "v1" "Secret" $root.Release.Namespace $name) -}}
{{- range .secret.items -}}
{{- if not (or (hasPrefix $own $name) (hasKey $data .key)) -}}
{{- $found = append $found (printf "  Secret %s, key %s" $name .key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if lookup "v1" "Namespace" "" .Release.Namespace -}}
{{- $found | uniq | sortAlpha | join "\n" -}}
{{- end -}}
{{- end }}
