"""Run by LiteLLM's own Python: imports LiteLLM once, and forks into it for each line of its input.

LiteLLM takes ten seconds of a processor to be imported and one to start; tests that kill it start it often. What is
imported is as it would be anew: it has read neither the configuration nor the network.

The line has LiteLLM's options and the file of its output, as JSON; the answer is the process' number.
"""

import json
import os
import signal
import sys

import litellm.proxy.proxy_server  # noqa: F401  (this import is what takes long)
from litellm import run_server

# Who ends is not kept as a zombie: its number is free as soon as it is gone.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    options, output = json.loads(line)
    if number := os.fork():
        print(number, flush=True)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["litellm", *options]
    sys.exit(run_server())
