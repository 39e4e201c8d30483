"""Files come whole and verified into the cache, from an address or from a copy."""

import contextlib
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path
from typing import IO

import pytest

from ganzoo.cli import main
from ganzoo.registry import fetching

Capture = pytest.CaptureFixture[str]

CONTENT = b"weights" * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = b"x" * len(CONTENT)
OTHER_SHA256 = hashlib.sha256(OTHER).hexdigest()

PLUGIN = """
    from ganzoo.api import RemoteFile, hookimpl

    @hookimpl
    def register_extractors(register):
        net = RemoteFile("net.bin", "{url}", "{sha256}", size=1_000_000)
        register("net", "ganzoo_acme:N", files=[net])
        register("pixels", "ganzoo_acme:P")
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """``/whole`` is the file, ``/short`` ends too early, ``/other`` is something else.

    ``/endless`` never ends, and ``/slow`` sends a byte at a time.
    """

    def do_GET(self) -> None:
        if self.path in ("/endless", "/slow"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(10_000):
                    self.wfile.write(b"x" if self.path == "/slow" else b"x" * 100_000)
                    time.sleep(0.01 if self.path == "/slow" else 0)
            return
        body = {"/whole": CONTENT, "/short": CONTENT[:1000], "/other": OTHER}
        if self.path not in body:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(body[self.path])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def offered(install_plugin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("no_proxy", "*")

    def offer(url: str, sha256: str = SHA256) -> None:
        text = PLUGIN.format(url=url, sha256=sha256)
        install_plugin("ganzoo-acme", {"ganzoo_acme": text}, acme="ganzoo_acme")

    return offer


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*")) if cache.exists() else []


def test_a_file_comes_into_the_cache_and_its_path_to_stdout(
    address: str, offered, own_cache: Path, capsys: Capture
) -> None:
    offered(f"{address}/whole")
    assert main(["fetch", "acme/net"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{own_cache / 'net.bin'}\n"
    assert "net.bin: sha256 verified" in err
    assert (own_cache / "net.bin").read_bytes() == CONTENT
    assert left_in(own_cache) == ["net.bin"]


def test_a_file_that_is_there_is_not_fetched_again(
    offered, own_cache: Path, capsys: Capture
) -> None:
    offered("http://127.0.0.1:9/nobody-listens")
    own_cache.mkdir()
    (own_cache / "net.bin").write_bytes(CONTENT)
    assert main(["fetch", "acme/net", "--json"]) == 0
    out, err = capsys.readouterr()
    (done,) = json.loads(out)
    assert done == {"id": "acme/net", "file": "net.bin", "path": str(own_cache / "net.bin")}
    assert err == "net.bin is in the cache already\n"


def test_a_damaged_file_in_the_cache_is_replaced(address: str, offered, own_cache: Path) -> None:
    offered(f"{address}/whole")
    own_cache.mkdir()
    (own_cache / "net.bin").write_bytes(CONTENT[:-1])
    assert main(["fetch", "acme/net"]) == 0
    assert (own_cache / "net.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/other", f"other is not net.bin: its sha256 is {OTHER_SHA256}, not {SHA256}\n"),
        ("/short", "short ended after 1,000 of 700,000 bytes\n"),
        ("/gone", "gone: Not Found; without a network, use a copy\n"),
    ],
)
def test_what_is_not_the_file_leaves_the_cache_as_it_was(
    path: str, message: str, address: str, offered, own_cache: Path, capsys: Capture
) -> None:
    offered(address + path)
    assert main(["fetch", "acme/net"]) == 4
    assert message in capsys.readouterr().err
    assert left_in(own_cache) == []


def test_without_a_network_the_advice_is_to_bring_a_copy(offered, capsys: Capture) -> None:
    offered("http://127.0.0.1:9/nobody-listens")
    assert main(["fetch", "acme/net"]) == 4
    assert capsys.readouterr().err.splitlines()[-1] == ("try: ganzoo fetch acme/net --from net.bin")


def test_a_copy_on_disk_is_verified_like_a_download(
    offered, own_cache: Path, tmp_path: Path, capsys: Capture
) -> None:
    offered("http://127.0.0.1:9/nobody-listens")
    (tmp_path / "renamed.bin").write_bytes(CONTENT)
    (tmp_path / "wrong.bin").write_bytes(b"wrong")
    assert main(["fetch", "acme/net", "--from", str(tmp_path / "wrong.bin")]) == 4
    assert left_in(own_cache) == []
    said, hint = capsys.readouterr().err.splitlines()[-2:]
    assert said.startswith(f"{tmp_path / 'wrong.bin'} is not net.bin: its sha256 is ")
    assert said.endswith(f", not {SHA256}; the right one is at http://127.0.0.1:9/nobody-listens")
    assert hint == "try: ganzoo fetch acme/net --from FILE"
    assert main(["fetch", "acme/net", "--from", str(tmp_path / "gone.bin")]) == 2
    assert main(["fetch", "acme/net", "--from", str(tmp_path / "renamed.bin")]) == 0
    assert (own_cache / "net.bin").read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_named(
    address: str, offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    offered(f"{address}/whole")
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "a-file" / "cache"))
    assert main(["fetch", "acme/net"]) == 2
    assert capsys.readouterr().err.endswith("try: GANZOO_CACHE=DIRECTORY ganzoo fetch acme/net\n")


def test_a_disk_that_fills_up_is_said_and_nothing_is_left_behind(
    address: str, offered, own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def no_room(stream: object, written: IO[bytes], *rest: object) -> None:
        written.write(b"begun")
        raise OSError(ENOSPC, "No space left on device")

    offered(f"{address}/whole")
    monkeypatch.setattr("ganzoo.registry.fetching._pour", no_room)
    assert main(["fetch", "acme/net"]) == 7
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"no room in {own_cache / 'net.bin'}: No space left on device",
        "try: GANZOO_CACHE=DIRECTORY ganzoo fetch acme/net",
    ]
    assert left_in(own_cache) == []


def test_the_list_says_what_is_cached(offered, own_cache: Path, capsys: Capture) -> None:
    offered("http://127.0.0.1:9/nobody-listens")
    own_cache.mkdir()
    (own_cache / "net.bin").write_bytes(CONTENT)
    assert main(["fetch", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["acme/net", "extractor", "net.bin", "yes"] in [line.split() for line in lines]
    assert main(["fetch", "--list", "--json"]) == 0
    cached = {each["id"]: each["cached"] for each in json.loads(capsys.readouterr().out)}
    assert cached.pop("acme/net") is True
    assert {"cifar10", "mnist", "inception"} <= cached.keys()
    assert not any(cached.values())
    (own_cache / "net.bin").write_bytes(CONTENT[:-1])
    assert main(["fetch", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["acme/net", "extractor", "net.bin", "no"] in [line.split() for line in lines]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing ID of a component to fetch for"),
        (["acme/pixels"], "there is nothing to fetch for acme/pixels"),
        (["acme/nett"], "no component 'acme/nett' - did you mean 'acme/net'"),
        (
            ["acme/net", "cifar10", "--from", "x.bin"],
            "x.bin has none of the names net.bin, cifar-10-binary.tar.gz",
        ),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    arguments: list[str], message: str, offered, capsys: Capture
) -> None:
    offered("http://127.0.0.1:9/nobody-listens")
    assert main(["fetch", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "sha256", "message"),
    [
        ("file:///etc/passwd", SHA256, "is not a web address"),
        ("https://example.org/net.bin", "abc", "is not a sha256"),
    ],
)
def test_a_plugin_cannot_register_a_file_that_is_not_from_the_web_or_has_no_hash(
    url: str, sha256: str, message: str, offered, capsys: Capture
) -> None:
    offered(url, sha256)
    assert main(["fetch", "acme/net"]) == 2
    assert message in capsys.readouterr().err


def test_a_download_that_never_ends_is_given_up_at_the_size_of_the_file(
    address: str, offered, own_cache: Path, capsys: Capture
) -> None:
    offered(f"{address}/endless")
    assert main(["fetch", "acme/net"]) == 4
    assert "sends more than the 1,000,000 bytes" in capsys.readouterr().err
    assert left_in(own_cache) == []


def test_a_download_that_drips_is_given_up(
    address: str, offered, own_cache: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PATIENCE_SECONDS", 0.05)
    offered(f"{address}/slow")
    assert main(["fetch", "acme/net"]) == 4
    assert "given up" in capsys.readouterr().err
    assert left_in(own_cache) == []
