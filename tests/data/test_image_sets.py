import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlviz.data import image_sets
from mtlviz.data.image_sets import open_image_set
from mtlviz.errors import ImageError
from tests.data.image_files import colours, file_bytes, png


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_declared_size(archive: bytes, size: int) -> bytes:
    """The zip of one file with another uncompressed size in both of its headers."""
    changed = bytearray(archive)
    struct.pack_into("<I", changed, 22, size)
    struct.pack_into("<I", changed, changed.index(b"PK\x01\x02") + 24, size)
    return bytes(changed)


def refusal(source: bytes | Path | list[tuple[str, bytes]]) -> str:
    with pytest.raises(ImageError) as caught:
        open_image_set(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


FILES = {"b.png": png(), "a.jpg": file_bytes(Image.fromarray(colours()), "JPEG"), "deep/c.webp": png(20, 30)}


def a_folder(path: Path) -> Path:
    for name, content in FILES.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(content)
    return path


def a_zip_file(path: Path) -> Path:
    (path / "set.zip").write_bytes(packed(FILES))
    return path / "set.zip"


SOURCES = {
    "folder": a_folder,
    "zip file": a_zip_file,
    "zip content": lambda path: packed(FILES),
    "uploads": lambda path: [(name, FILES[name]) for name in sorted(FILES)],
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_set_gives_its_images_by_name(kind: str, tmp_path: Path) -> None:
    images = open_image_set(SOURCES[kind](tmp_path))
    assert images.names == ("a.jpg", "b.png", "c.webp")
    assert len(images) == 3
    assert images.notes == ()
    assert np.array_equal(images.read(1).image, colours())
    assert images.read(2).size == (20, 30)
    assert images.read(2).name == "c.webp"


def test_images_are_known_by_their_content_and_the_rest_is_noted(tmp_path: Path) -> None:
    (tmp_path / "photo.txt").write_bytes(png())
    (tmp_path / "fake.png").write_bytes(b"not an image")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / ".hidden.png").write_bytes(png())
    images = open_image_set(tmp_path)
    assert images.names == ("photo.txt",)
    assert images.notes == ("Left out, because not PNG, JPEG or WebP: empty.jpg, fake.png.",)


def test_a_long_list_of_other_files_is_cut() -> None:
    images = open_image_set(packed({"z.png": png(), **{f"{k}.txt": b"x" for k in range(9)}}))
    assert images.notes == ("Left out, because not PNG, JPEG or WebP: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 4 more.",)


def test_a_damaged_image_is_refused_by_itself_and_the_others_stay_readable() -> None:
    images = open_image_set(packed({"a.png": png()[:60], "b.png": png()}))
    with pytest.raises(ImageError, match=r"a\.png"):
        images.read(0)
    assert images.read(1).size == (32, 48)


def test_at_most_200_images_are_taken_and_the_cut_is_noted() -> None:
    images = open_image_set(packed({f"{k:03}.png": png(16, 16) for k in range(201)}))
    assert len(images) == 200
    assert images.names[-1] == "199.png"
    assert "first 200 images" in images.notes[0]


def test_exactly_the_limit_needs_no_note() -> None:
    assert open_image_set(packed({"a.png": png(), "b.png": png()}), limit=2).notes == ()


def test_two_images_of_one_name_are_told_apart() -> None:
    images = open_image_set(packed({"x/a.png": png(), "y/a.png": png(), "z/a.png": png()}))
    assert images.names == ("a.png", "a.png (2)", "a.png (3)")


def test_hostile_names_are_labels_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = packed({"../../evil.png": png(), "/etc/passwd.png": png(), "C:\\boot.png": png(), "a\nb.png": png()})
    images = open_image_set(content)
    assert set(images.names) == {"evil.png", "passwd.png", "boot.png", "a�b.png"}
    assert all(images.read(k).size == (32, 48) for k in range(4))
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(png())
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "own.png").write_bytes(png())
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (tmp_path / "set" / "folder").symlink_to(tmp_path / "outside")
    assert open_image_set(tmp_path / "set").names == ("own.png",)


def test_folders_and_what_macos_adds_to_zips_are_passed_over() -> None:
    images = open_image_set(packed({"a/": b"", "a/b.png": png(), "__MACOSX/a/._b.png": b"x", "a/.DS_Store": b"x"}))
    assert images.names == ("b.png",)
    assert images.notes == ()


# Zips that are made to hurt


def test_a_zip_that_declares_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_sets, "MAX_UNPACKED_BYTES", 2**20)
    assert "GB" in refusal(packed({"a.png": png() + bytes(2**20)}))


def test_four_gigabytes_declared_are_refused() -> None:
    assert "4.0 GB unpacked" in refusal(with_declared_size(packed({"a.png": png()}), 2**32 - 2))


def test_an_image_that_unpacks_to_more_than_20_mb_is_refused_by_itself() -> None:
    content = packed({"a.png": png() + bytes(30 * 2**20), "b.png": png()})
    assert len(content) < 100_000
    images = open_image_set(content)
    with pytest.raises(ImageError, match="more than 20 MB"):
        images.read(0)
    assert images.read(1).size == (32, 48)


def test_a_file_that_is_larger_than_its_zip_declares_is_left_out() -> None:
    liar = with_declared_size(packed({"a.png": png() + bytes(30 * 2**20)}), 1000)
    assert "Left out, because damaged or encrypted: a.png." in refusal(liar)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_output_python_does_not_bound_are_left_out(method: int) -> None:
    buffer = io.BytesIO(packed({"a.png": png()}))
    with zipfile.ZipFile(buffer, "a", method) as archive:
        archive.writestr("bomb.png", png() + bytes(2**20))
    images = open_image_set(buffer.getvalue())
    assert images.names == ("a.png",)
    assert images.notes == ("Left out, because damaged or encrypted: bomb.png.",)


def test_encrypted_files_are_left_out() -> None:
    content = bytearray(packed({"a.png": png(), "b.png": png()}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    images = open_image_set(bytes(content))
    assert images.names == ("b.png",)
    assert "encrypted: a.png" in images.notes[0]


def test_a_zip_within_a_zip_is_not_opened() -> None:
    images = open_image_set(packed({"a.png": png(), "inner.zip": packed(FILES)}))
    assert images.names == ("a.png",)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_sets, "MAX_FILES", 5)
    assert "at most 5 files" in refusal(packed({f"{k}.png": png() for k in range(6)}))


def test_a_huge_folder_is_not_walked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_sets, "MAX_FILES", 5)
    for k in range(8):
        (tmp_path / f"{k}.txt").touch()
    (tmp_path / "0.png").write_bytes(png())
    images = open_image_set(tmp_path)
    assert images.names == ("0.png",)
    assert "not looked at" in images.notes[0]


# What is no set


def test_what_is_no_zip_is_refused() -> None:
    for content in (b"", b"PK\x03\x04", png(), packed(FILES)[:-30]):
        assert "not a zip" in refusal(content)


def test_a_set_without_images_is_refused_with_what_it_held() -> None:
    assert refusal(packed({"a.txt": b"x"})) == (
        "No PNG, JPEG or WebP image was found; choose a set that holds some. "
        "Left out, because not PNG, JPEG or WebP: a.txt."
    )
    assert refusal([]) == "No PNG, JPEG or WebP image was found; choose a set that holds some."


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    assert "no folder or zip at" in refusal(tmp_path / "none")


def test_random_damage_gives_a_set_or_one_of_our_errors(rng: np.random.Generator) -> None:
    content = packed(FILES)
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 4):
            damaged[place] = rng.integers(256)
        try:
            images = open_image_set(bytes(damaged))
            for position in range(len(images)):
                images.read(position)
        except ImageError:
            continue
