"""The scripts of the widgets: what all of them share, in the order in which a page needs it, and what some show."""

import json
from importlib import import_module

SHARED = ("widgets.js", "controls.js", "handles.js", "links.js", "plot.js", "surfaces.js", "filters.js")
# Widgets that show what is computed when the site is built, and the module among the pictures that computes it.
COMPUTED = {"photograph": "photographs", "digit_network": "live_network"}


def data_script(name: str) -> str:
    """The script that hands a widget its data."""
    module = import_module(f"{__package__}.pictures.{COMPUTED[name]}")
    return f"widgets.data.{name} = {json.dumps(module.widget_data(), separators=(',', ':'))};\n"
