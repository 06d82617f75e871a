"""The study site that the tests in a browser visit: built once for all of them."""

from pathlib import Path

import pytest

from scripts import build_site

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, built as `make site` builds it."""
    folder = tmp_path_factory.mktemp("built") / "site"
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(ROOT / "scripts"))
        patched.setattr(build_site, "prepare", lambda: None)  # the tests have set JAX up already
        assert build_site.main(["--output", str(folder)]) == 0, "the site does not build; the captured text says why"
    return folder
