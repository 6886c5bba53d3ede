# Shell functions of the scripts that people call: --help prints the comment at a script's top, and an argument that the script does not
# know ends it (exit code 64) before anything is done.

# usage SCRIPT: that comment, without its marks.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }

# refuse_argument SCRIPT TEXT: ends the script with what is wrong and the usage.
refuse_argument() {
  printf '%s\n\n' "$2" >&2
  usage "$1" >&2
  exit 64
}

# show_help SCRIPT ARGUMENT...: ends the script with its usage where one of the arguments asks for it.
show_help() {
  local script=$1 argument
  shift
  for argument in "$@"; do
    case "$argument" in -h | --help) usage "$script"; exit 0 ;; esac
  done
}

# check_arguments SCRIPT "SWITCHES" "OPTIONS" ARGUMENT...: switches stand alone, options have a value: --name value or --name=value.
check_arguments() {
  local script=$1 switches=" $2 " options=" $3 "
  shift 3
  show_help "$script" "$@"
  while [ $# -gt 0 ]; do
    if [ -n "$1" ] && [[ $switches == *" $1 "* ]]; then
      shift
    elif [ -n "${1%%=*}" ] && [[ $options == *" ${1%%=*} "* ]]; then
      if [[ $1 != *=* ]]; then
        [ $# -gt 1 ] || refuse_argument "$script" "$1 needs a value"
        shift
      fi
      shift
    else
      refuse_argument "$script" "unknown argument \"$1\""
    fi
  done
}
