#!/usr/bin/env python3
"""Counts the words of a text: {"text": "..."} gives {"lines": 1, "words": 2, "characters": 11}.

As a coprocess (it stays, and takes job after job; the lines are described in stintd(8)):

    handler wordcount {
        coprocess = {"/usr/share/doc/stint/examples/wordcount.py"}
        instances = 2
    }

As an exec handler (started for each job; the payload on stdin, the result on stdout):

    handler wordcount { exec = {"/usr/share/doc/stint/examples/wordcount.py", "--once"} }
"""
import json
import sys


class Failure(Exception):
    """The job has failed; for good where trying again would not help."""

    def __init__(self, reason, retry=True, retry_in=None):
        super().__init__(reason)
        self.retry, self.retry_in = retry, retry_in


def wordcount(payload, progress):
    if not isinstance(payload, dict) or not isinstance(payload.get("text"), str):
        raise Failure('the payload must be {"text": "..."}', retry=False)
    text = payload["text"]
    words = 0
    lines = text.splitlines()
    for n, line in enumerate(lines, 1):
        words += len(line.split())
        if n % 100000 == 0:
            progress(100 * n // len(lines), "%d of %d lines" % (n, len(lines)))
    return {"lines": len(lines), "words": words, "characters": len(text)}


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()  # or it stays here, and the server waits


def coprocess():
    # readline() and not "for line in sys.stdin", which may read ahead
    for line in iter(sys.stdin.readline, ""):
        job = json.loads(line)
        try:
            result = wordcount(job.get("payload"), lambda percent, message: say(id=job["id"], progress=percent, message=message))
            say(id=job["id"], ok=True, result=result)
        except Failure as e:
            say(id=job["id"], ok=False, error=str(e), retry=e.retry, retry_in=e.retry_in)
        except Exception as e:  # a fault of ours costs this job, not the program
            say(id=job["id"], ok=False, error="%s: %s" % (type(e).__name__, e))


def once():
    try:
        print(json.dumps(wordcount(json.load(sys.stdin), lambda percent, message: print("::progress %d %s" % (percent, message), file=sys.stderr))))
    except Failure as e:
        print(e, file=sys.stderr)
        sys.exit(75 if e.retry else 65)


if __name__ == "__main__":
    once() if "--once" in sys.argv[1:] else coprocess()
