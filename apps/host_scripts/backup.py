"""The command of backup.sh: its folder is the first that Python looks for modules in."""

import sys

from host_scripts.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
