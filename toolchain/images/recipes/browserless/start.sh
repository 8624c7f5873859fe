#!/bin/sh
# As the official image's, but without a screen for browsers that are not headless.
exec node build/index.js "$@"
