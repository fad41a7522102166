"""Test helpers are plain modules beside this file; importlib mode does not put it on the path by itself."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
