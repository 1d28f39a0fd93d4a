# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Who gets alerts, and how: the settings ALERT_* of .env and the files of secrets/alertmanager. This
# generates the files in site/ that Alertmanager and Prometheus read. Without those two,
# scripts/doctor --tell sends messages the same ways.

SITE=${ROOT}/site
# The first line of a file in site/ that each deploy generates.
MADE='# Made by scripts/configure-alerts from .env. Without this line the file is yours and stays as it is.'
TELEGRAM_AT=${HASURA_LOGIN_TELEGRAM:-https://api.telegram.org}
readonly SITE MADE TELEGRAM_AT

has_alert_secret() { [[ -s ${SECRETS}/alertmanager/$1 ]]; }

way_is_set_up() {
  case $1 in
    mail) [[ -n $(env_get ALERT_MAIL_TO) ]] ;;
    slack) has_alert_secret slack_url ;;
    telegram) has_alert_secret telegram_token ;;
    ntfy) has_alert_secret ntfy_url ;;
    webhook) has_alert_secret webhook_url ;;
    *) return 1 ;;
  esac
}

# Prints every way that is set up.
ways_set_up() {
  local way
  for way in mail slack telegram ntfy webhook; do
    ! way_is_set_up "${way}" || printf '%s\n' "${way}"
  done
}

# Prints the ways that a setting names, or all that are set up.
#   ways_of ALERT_WARNINGS|ALERT_CRITICAL
ways_of() {
  local named way
  named=$(env_get "$1" | grep -oE '[^, ]+' || true)
  for way in ${named}; do
    way_is_set_up "${way}" || die "$1 in .env names \"${way}\", which is not set up (docs/alerts.md)"
  done
  printf '%s\n' "${named:-$(ways_set_up)}"
}

check_alert_settings() {
  local name
  if way_is_set_up mail; then
    for name in ALERT_MAIL_FROM ALERT_MAIL_SERVER; do
      [[ -n $(env_get "${name}") ]] || die "ALERT_MAIL_TO is set in .env, but ${name} is not"
    done
    [[ $(env_get ALERT_MAIL_SERVER) =~ ^[A-Za-z0-9.-]+:[0-9]+$ ]] || die 'ALERT_MAIL_SERVER in .env must be HOST:PORT'
    [[ -z $(env_get ALERT_MAIL_USER) ]] || has_alert_secret smtp_password || die 'ALERT_MAIL_USER is set in .env, but its password is not: scripts/set-secret alertmanager/smtp_password'
  fi
  if way_is_set_up telegram; then
    [[ $(env_get ALERT_TELEGRAM_CHAT) =~ ^-?[0-9]+$ ]] || die 'ALERT_TELEGRAM_CHAT in .env must be the number of a chat'
  fi
}

# Quotes a setting as a string of YAML.
yaml_of() {
  local value
  value=$(env_get "$1")
  printf "'%s'" "${value//\'/\'\'}"
}

# ── What Alertmanager and Prometheus read ──

alertmanager_config() {
  printf '%s\n' "${MADE}"
  cat "${ROOT}/ops/alertmanager/routes.yml"
  printf '\nreceivers:\n'
  receiver by-day ALERT_WARNINGS || return 1
  receiver at-once ALERT_CRITICAL || return 1
  printf '  - name: dead-man\n'
  if has_alert_secret dead_man_url; then
    printf '    webhook_configs:\n      - url_file: /run/secrets/dead_man_url\n        send_resolved: false\n'
  fi
}

receiver() {
  local way ways
  ways=$(ways_of "$2") || return 1
  printf '  - name: %s\n' "$1"
  for way in ${ways}; do
    [[ ${way} == ntfy || ${way} == webhook ]] || "receiver_${way}"
  done
  # These two share a list.
  if grep -qxE 'ntfy|webhook' <<<"${ways}"; then
    printf '    webhook_configs:\n'
    for way in ${ways}; do
      [[ ${way} != ntfy && ${way} != webhook ]] || "receiver_${way}"
    done
  fi
}

receiver_mail() {
  printf '    email_configs:\n      - to: %s\n        from: %s\n        smarthost: %s\n' \
    "$(yaml_of ALERT_MAIL_TO)" "$(yaml_of ALERT_MAIL_FROM)" "$(yaml_of ALERT_MAIL_SERVER)"
  if [[ -n $(env_get ALERT_MAIL_USER) ]]; then
    printf '        auth_username: %s\n        auth_password_file: /run/secrets/smtp_password\n' "$(yaml_of ALERT_MAIL_USER)"
  fi
  cat <<'YAML'
        require_tls: true
        send_resolved: true
        headers: {Subject: '{{ template "login.subject" . }}'}
        text: '{{ template "login.text" . }}'
        html: ''
YAML
}

receiver_slack() {
  cat <<'YAML'
    slack_configs:
      - api_url_file: /run/secrets/slack_url
        send_resolved: true
        title: '{{ template "login.subject" . }}'
        title_link: ''
        text: '{{ template "login.text" . }}'
        fallback: '{{ template "login.subject" . }}'
YAML
}

receiver_telegram() {
  cat <<YAML
    telegram_configs:
      - api_url: ${TELEGRAM_AT}
        bot_token_file: /run/secrets/telegram_token
        chat_id: $(env_get ALERT_TELEGRAM_CHAT)
        send_resolved: true
        parse_mode: ''
        message: '{{ template "login.subject" . }}{{ "\n\n" }}{{ template "login.text" . }}'
YAML
}

# ntfy has a template for Alertmanager's messages.
receiver_ntfy() {
  cat <<'YAML'
      - url_file: /run/secrets/ntfy_url
        send_resolved: true
        http_config:
          http_headers: {X-Template: {values: [alertmanager]}}
YAML
  ! has_alert_secret ntfy_token || printf '          authorization: {credentials_file: /run/secrets/ntfy_token}\n'
}

receiver_webhook() {
  printf '      - url_file: /run/secrets/webhook_url\n        send_resolved: true\n'
  ! has_alert_secret webhook_token || printf '        http_config: {authorization: {credentials_file: /run/secrets/webhook_token}}\n'
}

# Prints the public addresses, which the probes request as users do.
public_targets() {
  local name
  printf '%s\n- targets:\n' "${MADE}"
  for name in $(env_get SITE_NAMES | tr ',"' '  '); do
    printf '    - https://%s/healthz\n    - https://%s/.well-known/jwks.json\n' "${name}" "${name}"
  done
}

# Writes the generated files of site/.
write_site() {
  local folder config
  check_alert_settings
  config=$(alertmanager_config)
  make_folder "${SITE}" 0755
  for folder in alertmanager prometheus prometheus/rules; do make_folder "${SITE}/${folder}" 0755; done
  printf '%s\n' "${config}" | write_made alertmanager/alertmanager.yml check_alertmanager_config
  public_targets | write_made prometheus/public.yml
}

# write_made PATH [CHECK]: writes stdin to a file; CHECK tests it first, under its name with .new.
write_made() {
  local path=${SITE}/$1 check=${2:-true}
  if [[ -f ${path} && $(sed -n 1p "${path}") != "${MADE}" ]]; then
    say "  site/$1 is your own and stays"
    cat >/dev/null
    return 0
  fi
  write_file "${path}.new" 0644
  "${check}" "${path}.new" || {
    rm -f "${path}.new"
    die "site/$1 stays as it was: what .env makes of it is refused"
  }
  mv -f "${path}.new" "${path}"
}

monitoring_in_use() { grep -qxF alertmanager <<<"$(services_in_use)"; }

# An Alertmanager of an earlier release does not mount the folder yet.
check_alertmanager_config() {
  [[ -n $(running_of alertmanager) ]] || return 0
  compose exec -T alertmanager test -r "/etc/alertmanager-site/${1##*/}" </dev/null 2>/dev/null || return 0
  compose exec -T alertmanager amtool check-config "/etc/alertmanager-site/${1##*/}" </dev/null >&2
}

# Makes the running services read their files again. Their three images have busybox.
reload_monitoring() {
  local service at name
  for at in prometheus=127.0.0.1:9090 alertmanager=127.0.0.1:9093 blackbox-exporter=blackbox-metrics:9115; do
    service=${at%%=*}
    name=$(running_of "${service}" | sed -n 1p)
    [[ -n ${name} ]] || continue
    wait_up "${name}" || true
    compose exec -T "${service}" wget -q -O /dev/null --post-data= "http://${at#*=}/-/reload" </dev/null >&2 ||
      warn "${service} refuses its files and goes on with those before: docker compose logs --tail 20 ${service}"
  done
}

# ── Without Alertmanager ──

# Sends a message by every way of ALERT_CRITICAL; the text comes on stdin.
#   tell firing|resolved SUBJECT
tell() {
  local status=$1 subject=$2 text ways way failed=''
  text=$(cat)
  check_alert_settings
  ways=$(ways_of ALERT_CRITICAL)
  [[ -n ${ways} ]] || die 'alerts reach nobody: .env sets no way to send them (docs/alerts.md)'
  for way in ${ways}; do
    if "tell_by_${way}" "${status}" "${subject}" "${text}"; then
      say "  told by ${way}"
    else
      warn "could not tell by ${way}"
      failed=1
    fi
  done
  [[ -z ${failed} ]]
}

# Every user of the machine can read arguments, so curl gets its own on stdin.
post() { curl --silent --show-error --fail --max-time 30 --retry 2 --output /dev/null --config -; }

# Prints a secret's first line, quoted for curl's configuration.
alert_secret() {
  local value
  value=$(sed -n 1p "${SECRETS}/alertmanager/$1")
  printf '%s' "${value%$'\r'}"
}

post_json() {
  local url=$1 json=$2 token=${3:-}
  {
    printf 'url = %s\nheader = "Content-Type: application/json"\ndata-raw = %s\n' "$(quoted "${url}")" "$(quoted "${json}")"
    if [[ -n ${token} ]]; then printf 'header = %s\n' "$(quoted "Authorization: Bearer ${token}")"; fi
  } | post
}

tell_by_mail() {
  local subject=$2 text=$3 server from letter sent=0 scheme=smtp recipient
  server=$(env_get ALERT_MAIL_SERVER)
  from=$(env_get ALERT_MAIL_FROM)
  if [[ ${server} == *:465 ]]; then scheme=smtps; fi
  letter=$(mktemp)
  printf 'From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' \
    "${from}" "$(env_get ALERT_MAIL_TO)" "${subject}" "$(date -uR)" >"${letter}"
  printf '%s\r\n' "${text//$'\n'/$'\r\n'}" >>"${letter}"
  {
    printf 'url = %s\nssl-reqd\nupload-file = %s\nmail-from = %s\n' "$(quoted "${scheme}://${server}")" "$(quoted "${letter}")" "$(quoted "$(address_in "${from}")")"
    env_get ALERT_MAIL_TO | tr ',' '\n' | while IFS= read -r recipient; do printf 'mail-rcpt = %s\n' "$(quoted "$(address_in "${recipient}")")"; done
    if [[ -n $(env_get ALERT_MAIL_USER) ]]; then printf 'user = %s\n' "$(quoted "$(env_get ALERT_MAIL_USER):$(alert_secret smtp_password)")"; fi
  } | post || sent=1
  rm -f "${letter}"
  return "${sent}"
}

# "Name <address>" → address
address_in() { sed 's/.*<\(.*\)>.*/\1/; s/^ *//; s/ *$//' <<<"$1"; }

tell_by_slack() { post_json "$(alert_secret slack_url)" "$(jq -cn --arg text "*$2*"$'\n'"$3" '{text: $text}')"; }

# A Telegram message can have 4096 characters.
tell_by_telegram() {
  post_json "${TELEGRAM_AT}/bot$(alert_secret telegram_token)/sendMessage" \
    "$(jq -cn --arg chat "$(env_get ALERT_TELEGRAM_CHAT)" --arg text "$2"$'\n\n'"$3" '{chat_id: $chat, text: $text[:4000]}')"
}

tell_by_ntfy() {
  {
    printf 'url = %s\nheader = %s\ndata-raw = %s\n' "$(quoted "$(alert_secret ntfy_url)")" "$(quoted "Title: $2")" "$(quoted "$3")"
    if has_alert_secret ntfy_token; then printf 'header = %s\n' "$(quoted "Authorization: Bearer $(alert_secret ntfy_token)")"; fi
  } | post
}

# In the form of Alertmanager's messages, so that a receiver needs to know only one form.
tell_by_webhook() {
  local token=''
  if has_alert_secret webhook_token; then token=$(alert_secret webhook_token); fi
  post_json "$(alert_secret webhook_url)" "$(
    jq -cn --arg status "$1" --arg summary "$2" --arg description "$3" --arg now "$(date -u +%FT%TZ)" \
      '{labels: {alertname: "Doctor", severity: "critical"}, annotations: {summary: $summary, description: $description}}
       | {version: "4", groupKey: "doctor", receiver: "doctor", status: $status, externalURL: "",
          groupLabels: .labels, commonLabels: .labels, commonAnnotations: .annotations,
          alerts: [. + {status: $status, startsAt: $now, endsAt: $now, fingerprint: "doctor"}]}'
  )" "${token}"
}

# The external service that calls when it no longer hears from this machine.
call_dead_man() {
  has_alert_secret dead_man_url || return 0
  post_json "$(alert_secret dead_man_url)" '{}' || warn 'the dead man'\''s switch could not be reached'
}
