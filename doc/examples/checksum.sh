#!/bin/sh
# The SHA-256 of each payload as it stands in its line, by a coprocess in POSIX sh. Enough for a job that hands its payload on whole; to look into it, use a language that reads JSON.
#
#     handler checksum { coprocess = {"/usr/share/doc/stint/examples/checksum.sh"} }
#
# "id" is the first member of a line, "payload" follows "deadline", and "trace" is the last.
set -u

while IFS= read -r line; do
	id=${line#\{\"id\":\"}
	id=${id%%\"*}
	payload=${line#*,\"payload\":}
	payload=${payload%,\"trace\":*}
	if [ "$payload" = null ]; then
		printf '{"id":"%s","ok":false,"error":"there is no payload","retry":false}\n' "$id"
		continue
	fi
	sum=$(printf %s "$payload" | sha256sum) || {
		printf '{"id":"%s","ok":false,"error":"sha256sum failed","retry_in":"10s"}\n' "$id"
		continue
	}
	printf '{"id":"%s","ok":true,"result":{"sha256":"%s"}}\n' "$id" "${sum%% *}"
done
