{{/*
What a counter rose by within a window: (list NAME MATCHERS WINDOW). increase() alone does not see what
a process counted before it was first scraped, which is when a gap is found: after a long outage. So
a process younger than the window gives its whole count.
*/}}
{{- define "vitalstream.counted" -}}
{{- $name := index . 0 -}}{{- $in := index . 1 -}}{{- $window := index . 2 -}}
{{- $seconds := mul (atoi (regexFind "^[0-9]+" $window)) (ternary 3600 60 (hasSuffix "h" $window)) -}}
{{ $name }}{ {{- $in }}} > 0 and on (namespace, instance) process_start_time_seconds{ {{- $in }}} > time() - {{ $seconds }} or increase({{ $name }}{ {{- $in }}}[{{ $window }}])
{{- end }}
