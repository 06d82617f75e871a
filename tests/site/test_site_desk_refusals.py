"""Whom and what the server of `functional-nn study` refuses, each in a sentence."""

import json
from pathlib import Path

import pytest
from helpers.desk import STARTER, served, small_site

from functional_nn import cli
from scripts.study import desk, serve


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return small_site(tmp_path / "site")


def test_only_who_has_the_token_gets_an_answer(site):
    body = json.dumps({"exercise": "activations", "texts": {}}).encode()
    with served(site) as caller:
        token = caller.prefix
        assert caller.ask("GET", f"{token}index.html") == (200, "Hello")
        assert caller.ask("GET", token) == (200, "Hello")
        for method, path in (("GET", "/"), ("GET", "/index.html"), ("GET", f"/study-{'x' * 32}/index.html"),
                             ("POST", "/run"), ("POST", f"/study-{'x' * 32}/run"), ("POST", token[:-1])):  # fmt: skip
            status, said = caller.ask(method, path, body if method == "POST" else None)
            assert status == 403, f"{method} {path}: {said}"
            assert "an earlier start of the server" in said
        with served(site) as other:
            assert other.prefix != token, "the token is not drawn anew"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8000"},
        {"Host": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": "http://127.0.0.1"},
    ],
    ids=str,
)
def test_other_sites_get_nothing_run(site, headers):
    with served(site) as caller:
        caller.server.trials.judge = None  # type: ignore[assignment]  # whoever comes so far fails
        status, said = caller.run(STARTER, **headers)
    assert status in (400, 403), said
    assert "its own pages only" in said["sentence"]["en"] or status == 400


def test_a_page_is_not_shown_under_another_name(site):
    with served(site) as caller:
        status, said = caller.ask("GET", f"{caller.prefix}index.html", Host="evil.example")
    assert status == 403
    assert "Hello" not in said


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"[]", {}),
        (b"\xff", {}),
        (b"[" * 100_000, {}),
        (b'{"exercise": "activations"}', {}),
        (b'{"exercise": "../../secret", "texts": {}}', {}),
        (b'{"exercise": "activations", "texts": {"../x": ""}}', {}),
        (b'{"exercise": "activations", "texts": {"linear": 3}}', {}),
        (b'{"exercise": ["activations"], "texts": {}}', {}),
        (b'{"exercise": "activations", "texts": {}}', {"Content_Type": "text/plain"}),
    ],
)
def test_what_is_no_run_gets_a_sentence(site, body, headers):
    with served(site) as caller:
        caller.server.trials.judge = None  # type: ignore[assignment]
        status, said = caller.ask("POST", f"{caller.prefix}run", body, **headers)
    assert status == 400, said
    assert "JSON with the name of an exercise" in json.loads(said)["sentence"]["en"]


def test_a_text_that_is_too_large_gets_a_sentence(site):
    with served(site) as caller:
        status, said = caller.run("x" * (serve.LARGEST << 10))
    assert status == 413
    assert "256 KB at most" in said["sentence"]["en"]


def test_nothing_but_the_site_is_served(site, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    with served(site) as caller:
        for path in ("nowhere.html", "../secret.txt", "%2e%2e/secret.txt", "exercises/", "/etc/passwd"):
            status, said = caller.ask("GET", caller.prefix + path)
            assert (status, "There is no page at this address" in said) == (404, True), f"{path}: {status} {said}"
        assert caller.ask("POST", f"{caller.prefix}nowhere")[0] == 404
        assert caller.ask("PUT", f"{caller.prefix}index.html")[0] == 501


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "many"], "a port is a whole number from 0 to 65535; got many"),
        (["--port", "65536"], "a port is a whole number from 0 to 65535; got 65536"),
        (["--seconds", "0"], "seconds must be positive; got 0"),
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
    ],
)
def test_bad_flags_end_in_one_sentence(capsys, words, message):
    assert cli.main(["study", *words]) == 2
    assert capsys.readouterr().err.startswith("functional-nn study: ")
    capsys.readouterr()
    assert desk.main(words) == 2
    assert message in capsys.readouterr().err


def test_a_taken_port_ends_in_one_sentence(site, capsys):
    with serve.server(site, 0) as server:
        assert desk.main(["--site", str(site), "--port", str(server.server_port)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"functional-nn study: the port must be free; got {server.server_port} (")


@pytest.mark.parametrize(("language", "words"), [("ja_JP.UTF-8", "先に作ります"), ("en_GB.UTF-8", "is built first")])
def test_the_command_speaks_the_language_of_the_terminal(tmp_path, capsys, monkeypatch, language, words):
    monkeypatch.setenv("LC_ALL", language)
    monkeypatch.setattr(desk, "_build", lambda folder: 2)
    assert desk.main(["--site", str(tmp_path / "site")]) == 2
    assert words in capsys.readouterr().out


def test_a_folder_that_is_something_else_is_left_alone(tmp_path, capfd):
    (tmp_path / "letter.txt").write_text("Dear reader")
    assert desk.main(["--site", str(tmp_path)]) == 2
    assert "holds something else" in capfd.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_outside_the_repository_the_command_says_where_the_site_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "functional_nn" / "cli.py"))
    assert cli.main(["study"]) == 2
    assert capsys.readouterr().err.startswith("functional-nn study: the study site is in the repository")
