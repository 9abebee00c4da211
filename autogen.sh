#!/bin/sh
# Makes ./configure from configure.ac. Needed once after a clone; a release tarball brings it along.
cd "$(dirname "$0")" && exec autoreconf -fi -Wall -Werror
