{{/* Names. Several releases fit into one namespace. */}}
{{- define "hasura-login.name" -}}
{{- if contains "hasura-login" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-hasura-login{{ end -}}
{{- end }}

{{/* include "hasura-login.labels" (list . "login") */}}
{{- define "hasura-login.labels" -}}
{{ include "hasura-login.selector" . }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{- define "hasura-login.selector" -}}
app.kubernetes.io/name: hasura-login
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The image of a setting of ops/pins.tsv, or the one of values.images.
     include "hasura-login.image" (list . "NGINX_IMAGE") */}}
{{- define "hasura-login.image" -}}
{{- $root := index . 0 }}{{ $setting := index . 1 -}}
{{- with index $root.Values.images $setting }}{{ . }}{{ else -}}
{{- $row := regexFind (printf "(?m)^%s\t[^\t\n]+" $setting) ($root.Files.Get "files/pins.tsv") -}}
{{- required (printf "ops/pins.tsv has no %s" $setting) $row | splitList "\t" | last -}}
{{- end }}
{{- end }}

{{/* What every pod has: nobody is root, and no process may become more than it is.
     include "hasura-login.pod" (list . 10001) */}}
{{- define "hasura-login.pod" -}}
{{- $root := index . 0 -}}
automountServiceAccountToken: false
# Otherwise a Service whose name begins with "login" would add LOGIN_* variables, which login refuses.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 1 }}
  fsGroup: {{ index . 1 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- end }}

{{/* One replica a node, as far as there are nodes, and the replicas in several zones if there are any; those
     of another version do not count. A node without a label of its zone would be left out of a
     constraint about zones, together with its constraint about nodes, so zones are an affinity.
     include "hasura-login.spread" (list . "login") */}}
{{- define "hasura-login.spread" -}}
topologySpreadConstraints:
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "hasura-login.selector" . | nindent 8 }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 50
        podAffinityTerm:
          topologyKey: topology.kubernetes.io/zone
          labelSelector:
            matchLabels:
              {{- include "hasura-login.selector" . | nindent 14 }}
{{- end }}

{{- define "hasura-login.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* A folder of files/ as the data of a ConfigMap. Its keys cannot have a slash, so "items" restores
     the paths in the volume.
     include "hasura-login.tree" (list . "nginx"), include "hasura-login.items" (list . "nginx") */}}
{{- define "hasura-login.tree" -}}
{{- $root := index . 0 }}{{ $folder := printf "files/%s/" (index . 1) -}}
{{- range $path, $_ := $root.Files.Glob (printf "%s**" $folder) }}
{{ trimPrefix $folder $path | replace "/" "__" }}: {{ $root.Files.Get $path | toJson }}
{{- end }}
{{- end }}

{{- define "hasura-login.items" -}}
{{- $root := index . 0 }}{{ $folder := printf "files/%s/" (index . 1) -}}
{{- range $path, $_ := $root.Files.Glob (printf "%s**" $folder) }}
- {key: {{ trimPrefix $folder $path | replace "/" "__" }}, path: {{ trimPrefix $folder $path }}}
{{- end }}
{{- end }}

{{/* The peers of a rule of a NetworkPolicy, with their ports; without peers, any address. */}}
{{- define "hasura-login.egress" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .to }}
  to: {{ toJson . }}
  {{- end }}
{{- end }}

{{- define "hasura-login.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{/* What the engine and the migrations job, which has an engine too, have in common. */}}
{{- define "hasura-login.engine" -}}
- {name: HASURA_GRAPHQL_METADATA_DATABASE_URL, value: "dynamic-from-file:///run/secrets/metadata_database_url"}
- {name: HASURA_GRAPHQL_DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX, value: /run/secrets/}
- {name: HASURA_GRAPHQL_UNAUTHORIZED_ROLE, value: public}
- {name: HASURA_GRAPHQL_ENABLE_TELEMETRY, value: "false"}
- {name: HASURA_GRAPHQL_ENABLE_CONSOLE, value: "false"}
- {name: HASURA_GRAPHQL_DEV_MODE, value: "false"}
- {name: HASURA_GRAPHQL_ENABLE_RELAY, value: "false"}
# If somebody adds action-handler-log, it must not hold passwords.
- {name: HASURA_GRAPHQL_REDACT_ACTION_HANDLER_LOGS, value: "true"}
- {name: LOGIN_URL, value: "http://{{ include "hasura-login.name" . }}-login:3000"}
- {name: LOGIN_ORGANIZATIONS, value: {{ get .Values.settings "LOGIN_ORGANIZATIONS" | quote }}}
{{- end }}

{{/* The environment of login, for the service and for its verbs in jobs. */}}
{{- define "hasura-login.settings" -}}
- {name: LOGIN_LISTEN, value: ":3000"}
- {name: LOGIN_OPS_LISTEN, value: ":9100"}
- {name: LOGIN_AUDIT_DIR, value: /audit}
- {name: LOGIN_ISSUER, value: {{ .Values.issuer | quote }}}
- {name: LOGIN_AUDIENCE, value: {{ .Values.audience | quote }}}
- {name: LOGIN_CORS_ORIGINS, value: {{ join "," .Values.corsOrigins | quote }}}
- {name: GOMEMLIMIT, value: {{ .Values.login.goMemoryLimit }}}
{{- range $secret := include "hasura-login.keys" (list . "login") | fromJsonArray }}
- {name: LOGIN_{{ upper $secret }}_FILE, value: /run/secrets/{{ $secret }}}
{{- end }}
{{- range $setting, $value := .Values.settings }}
- {name: {{ $setting }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* The folders of login, for the service and for its verbs in jobs. */}}
{{- define "hasura-login.volumes" -}}
- name: secrets
  secret: {secretName: {{ .Values.secrets.login }}, defaultMode: 0440}
- name: audit
  emptyDir: {sizeLimit: {{ .Values.login.auditSize }}}
{{- end }}

{{- define "hasura-login.mounts" -}}
# Whole, because a file mounted by itself would never change.
- {name: secrets, mountPath: /run/secrets, readOnly: true}
- {name: audit, mountPath: /audit}
{{- end }}

{{/* Before anything else of an install or upgrade, in the order of the weight. A finished or failed
     job stays until the next time, for its log. */}}
{{- define "hasura-login.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation
{{- end }}
