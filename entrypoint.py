"""The image's entrypoint. Python puts this file's folder first on its path, so the action is found beside it."""

import sys

from deployer.main import main

if __name__ == "__main__":
    sys.exit(main())
