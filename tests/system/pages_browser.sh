#!/bin/sh
# The pages in Chromium, as their script and the browser's own rules make them: see pages_browser.py. S4.5 S4.9.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip_all "there is no Chromium here to look at the pages with"
command -v python3 > /dev/null || skip_all "there is no python3 here to steer the browser with"

"$stint" token ops admin --json > "$T/made" || bail "no token was made"
jq -r .line < "$T/made" > "$T/tokens"
STINT_HTTP_TOKEN_FILE=$T/tokens
export STINT_HTTP_TOKEN_FILE
add_conf <<'END'
handler steps {
    exec = {"/bin/sh", "-c", "echo one >&2; while [ ! -e $T/browser/go ]; do sleep 0.1; done; echo two >&2"}
    timeout = 5m
}
END
must_start
mkdir "$T/browser"
PYTHONDONTWRITEBYTECODE=1 python3 "$srcdir/tests/system/pages_browser.py" "$chromium" "$T/browser" "$url" "$(jq -r .token < "$T/made")" > "$T/said" 2> "$T/python.log"
code=$?
while read -r word rest; do
	case $word in
	yes) pass "$rest" ;;
	no) fail "$rest" ;;
	*) echo "$word $rest" ;;
	esac
done < "$T/said"
is "the browser's session came to its end" "$code" 0
[ ! -s "$T/python.log" ] || sed 's/^/# /' "$T/python.log"
finish
