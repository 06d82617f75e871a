"""How Sphinx reads and shows the pages. Nothing on them is loaded from elsewhere: fonts are the reader's own."""

import sys
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from sphinx.util.logging import getLogger

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # only now the next two can be found

from scripts.documents.docstrings import as_rst  # noqa: E402
from scripts.study.formulas import formula  # noqa: E402
from scripts.study.refusal import Refusal  # noqa: E402

project = "functional_nn"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False  # the title of the page says it
python_maximum_signature_line_length = 88
autosummary_generate = False
smartquotes = False  # what stands in quotation marks is often code
html_theme = "furo"
html_title = "functional_nn"
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def mathml(display: bool) -> Any:
    """What writes a formula as MathML, which browsers show without a script."""

    def visit(translator: Any, node: Any) -> None:
        try:
            shown = formula(" ".join(node.astext().split()), {}, display)
            translator.body.append(f'<div class="math">{shown}</div>' if display else str(shown))
        except Refusal as refusal:
            getLogger(__name__).warning(str(refusal), location=node)
        raise SkipNode

    return visit


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Called by autodoc for every docstring."""
    lines[:] = as_rst(lines)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (mathml(False), None), (mathml(True), None))
    app.connect("autodoc-process-docstring", process)
