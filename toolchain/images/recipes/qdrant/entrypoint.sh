#!/usr/bin/env bash
# As in Qdrant's own image: the program in the working folder, with the arguments of the container.
exec ./qdrant "$@"
