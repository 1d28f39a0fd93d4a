# shellcheck shell=bash disable=SC2154 # sourced; the caller sets REPOSITORY
# The commands that the documents for operators tell somebody to type.

# Prints one command a line: FILE, its heading, "block N" or "inline", and the command with its newlines as \n,
# separated by tabs. In a block, lines that belong together (a here-document, an open quote, a backslash)
# are one command.
documented_commands() {
  local file line code='' blocks=0 heading='' span
  for file in "${REPOSITORY}"/docs/runbooks/*.md "${REPOSITORY}"/docs/{vps,alerts,logs,privacy}.md; do
    heading='' blocks=0
    while IFS= read -r line; do
      case ${line} in
        '```sh')
          code=1
          blocks=$((blocks + 1))
          ;;
        '```'*) code='' ;;
        '#'*)
          if [[ -z ${code} ]]; then heading=${line##*# }; else documented_line; fi
          ;;
        *)
          if [[ -n ${code} ]]; then
            documented_line
            continue
          fi
          while [[ ${line} =~ \`([^\`]+)\`(.*) ]]; do
            span=${BASH_REMATCH[1]} line=${BASH_REMATCH[2]}
            # In a table a bar is written with a backslash.
            span=${span//\\|/|}
            ! looks_like_command "${span}" || print_documented inline "${span}"
          done
          ;;
      esac
    done <"${file}"
    [[ -z ${OPEN:-} ]] || {
      printf '%s: a command has no end: %s\n' "${file}" "${OPEN}" >&2
      return 1
    }
  done
}

OPEN=''
documented_line() {
  OPEN+=${OPEN:+$'\n'}${line}
  if [[ ${OPEN} == *\\ ]] || ! bash -n <<<"${OPEN}" 2>/dev/null || [[ $(bash -n <<<"${OPEN}" 2>&1) == *here-document* ]]; then return 0; fi
  [[ ! ${OPEN} =~ ^[[:space:]]*(#.*)?$ ]] || {
    OPEN=''
    return 0
  }
  print_documented "block ${blocks}" "${OPEN}"
  OPEN=''
}

print_documented() { printf '%s\t%s\t%s\t%s\n' "${file#"${REPOSITORY}/docs/"}" "${heading}" "$1" "${2//$'\n'/\\n}"; }

# A script of ours, or a program's name with something after it. What only looks like one is listed.
looks_like_command() {
  local first=${1%% *}
  case ${first} in
    scripts/*) return 0 ;;
    docker | systemctl | journalctl | timedatectl | iptables | ip6tables | apt-get | rclone | age-keygen | age | ss | ssh) [[ $1 == *' '* || ${first} == timedatectl ]] ;;
    [A-Z]*=*) [[ $1 == *' '* ]] && looks_like_command "${1#* }" ;;
    *) [[ $1 == *' '* ]] && command -v -- "${first}" >/dev/null ;;
  esac
}
