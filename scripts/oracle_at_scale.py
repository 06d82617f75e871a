"""What a check of large arrays costs, beside torch.autograd.gradcheck in its slow mode, in the same run.

    python scripts/oracle_at_scale.py [--quick] [--write]

--quick takes small sizes and leaves gradcheck out; --write puts the table into docs/oracle_at_scale.md. Exit status 0
where every error is found at its place in fewer than 300 forward evaluations. gradcheck needs torch.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    raise SystemExit(importlib.import_module("helpers.at_scale").main())
