"""``python -m etiq_jupyter.cli``: the same as ``etiq``."""

import sys

from etiq_jupyter.cli import main

sys.exit(main())
