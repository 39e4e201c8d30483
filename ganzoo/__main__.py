"""``python -m ganzoo``: what launchers such as torchrun start."""

import sys

from ganzoo.cli import main

sys.exit(main())
