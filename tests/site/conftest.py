"""The study site that the tests in a browser visit: built once for all of them."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import build_site

ROOT = Path(__file__).resolve().parents[2]
# A page of each kind, which `make test` visits beside the contents and the glossary; `make test-all` visits every page.
SOME = ("softmax", "sigmoid", "convolution", "backpropagation", "family_optimizers")
EVERY = pytest.param((), id="every page", marks=pytest.mark.thorough)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    """The folder of the site with these pages, or with every page, as `make site` builds it."""

    @functools.cache
    def build(pages: tuple[str, ...]) -> Path:
        folder = tmp_path_factory.mktemp("built") / "site"
        words = ["--output", str(folder), "--workers", "1", *(["--only", *pages] if pages else [])]
        with pytest.MonkeyPatch.context() as patched:
            patched.syspath_prepend(str(ROOT / "scripts"))
            patched.setattr(build_site, "prepare", lambda: None)  # the tests have set JAX up already
            assert build_site.main(words) == 0, "the site does not build; the captured text says why"
        wanted = pages or [file.stem for file in (ROOT / "docs" / "study" / "pages").glob("*.toml")]
        assert {file.stem for file in folder.glob("*.html")} == {"index", "glossary", *wanted}
        return folder

    return build


@pytest.fixture(params=[pytest.param(SOME, id="some pages"), EVERY])
def site(request: pytest.FixtureRequest, built: Callable[[tuple[str, ...]], Path]) -> Path:
    """The site, built."""
    return built(request.param)
