#!/bin/sh
# Repeats messages that start with "!echo ".
#   sh echo-bot.sh multichat --room kitchen --peer HOST:PORT
dir=$(mktemp -d) && mkfifo "$dir/say" || exit 1
trap 'rm -rf "$dir"' EXIT
"$@" pipe <"$dir/say" | {
    exec 3>"$dir/say"
    while read -r line; do
        case $line in *'"type":"bye"'*) break ;; *'"text":"!echo '*) ;; *) continue ;; esac
        case $line in *'"backfill":true'*) continue ;; esac
        text=${line#*'"text":"!echo '}
        printf '{"cmd":"send","text":"%s"}\n' "${text%%\",\"*}" >&3
    done
}
