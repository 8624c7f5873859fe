"""`python -m homeport.cli`, which `bin/homeport` runs."""

import sys

from homeport.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
