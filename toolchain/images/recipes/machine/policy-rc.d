#!/bin/sh
# No service starts while packages are installed: there is no init yet.
exit 101
