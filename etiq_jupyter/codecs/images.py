"""Pictures: PIL images by pixel, and encoded pictures (PNG, JPEG, SVG) as they are."""

from __future__ import annotations

from typing import Any

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, refuse
from etiq_jupyter.codecs.plain import pack_plain, unpack_plain
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

_BYTES = {
    "1": 0,
    "L": 1,
    "P": 1,
    "RGB": 3,
    "RGBA": 4,
    "CMYK": 4,
    "YCbCr": 3,
    "LAB": 3,
    "HSV": 3,
    "I": 4,
    "F": 4,
    "LA": 2,
    "PA": 2,
    "RGBa": 4,
    "La": 2,
    "RGBX": 4,
    "I;16": 2,
    "I;16B": 2,
    "I;16L": 2,
}
MIMES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
MAX_PIXELS = 2**31


class Picture:
    """A picture in its encoded form, which shows itself in a notebook.

    Attributes
    ----------
    mime : str
        For example ``image/png``.
    data : bytes
        The encoded picture.
    """

    __slots__ = ("data", "mime")

    def __init__(self, mime: str, data: bytes) -> None:
        self.mime = mime
        self.data = data

    def __repr__(self) -> str:
        return f"<picture: {self.mime}, {len(self.data):,} bytes>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and (self.mime, self.data) == (other.mime, other.data)

    def __hash__(self) -> int:
        return hash((self.mime, self.data))

    def save(self, path: Any) -> None:
        """Write the encoded picture to a file."""
        import pathlib

        pathlib.Path(path).write_bytes(self.data)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        import base64

        if self.mime == "image/svg+xml":  # shown as an image, in which scripts do not run
            text = base64.b64encode(self.data).decode()
            return {
                "text/html": f'<img src="data:image/svg+xml;base64,{text}"/>',
                "text/plain": repr(self),
            }
        return {self.mime: base64.b64encode(self.data).decode(), "text/plain": repr(self)}


def encoded_picture(codec: str, mime: str, data: bytes, **meta: Any) -> Content:
    """Return the content of an encoded picture."""
    return Content(codec, 1, {"mime": mime, **meta}, [Buffer("picture", memoryview(data))])


def read_picture(reader: ContentReader) -> Picture:
    """Return the encoded picture of a content, its kind checked against a list."""
    mime = need(reader.meta, "mime", str)
    if mime not in MIMES:
        raise Corrupt(f"{mime[:40]!r} is not a kind of picture")
    return Picture(mime, bytes(reader.read("picture")))


class PictureCodec(Codec):
    """An encoded picture, such as a figure that a cell displayed."""

    name = "picture"
    packages = ("etiq_jupyter",)

    def accepts(self, value: Any) -> bool:
        return type(value) is Picture

    def encode(self, value: Any, how: Writing) -> Content:
        if value.mime not in MIMES:
            raise NotKept(f"{value.mime} is not a kind of picture")
        return encoded_picture(self.name, value.mime, value.data)

    def decode(self, reader: ContentReader, how: Reading) -> Picture:
        return read_picture(reader)

    def summarise(self, value: Any, content: Content) -> Facts:
        size = f"{len(value.data) / 1000:,.1f} kB"
        return Facts(
            "figure",
            value.mime,
            f"{value.mime.partition('/')[2].partition('+')[0].upper()}, {size}",
        )


class PillowCodec(Codec):
    """`PIL.Image.Image`: mode, size, pixels and palette."""

    name = "picture.pixels"
    packages = ("PIL",)

    def accepts(self, value: Any) -> bool:
        from PIL import Image

        return isinstance(value, Image.Image)

    def encode(self, value: Any, how: Writing) -> Content:
        if value.mode not in _BYTES:
            raise NotKept(f"a picture of mode {value.mode} has no portable form")
        width, height = value.size
        data = value.tobytes()
        meta: dict[str, Any] = {
            "mode": value.mode,
            "size": [width, height],
            "info": pack_plain(_info(value)),
        }
        buffers = [
            Buffer(
                "pixels",
                memoryview(data),
                itemsize=max(_BYTES[value.mode], 1),
                row_bytes=len(data) // height if height else 0,
            )
        ]
        if value.mode in ("P", "PA") and value.palette is not None:
            mode = value.palette.mode
            meta["palette"] = mode
            buffers.append(Buffer("palette", memoryview(bytes(value.palette.getdata()[1]))))
        return Content(self.name, self.version, meta, buffers)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        from PIL import Image

        mode, width, height = pixel_size(reader)
        data = reader.read("pixels")
        image = (
            Image.frombytes(mode, (width, height), bytes(data))
            if width and height
            else Image.new(mode, (width, height))
        )
        palette = reader.meta.get("palette")
        if palette in ("RGB", "RGBA") and mode in ("P", "PA"):
            image.putpalette(bytes(reader.read("palette")), palette)
        info = unpack_plain(need(reader.meta, "info", (bytes, memoryview)))
        if isinstance(info, dict):
            image.info.update(info)
        return image

    def summarise(self, value: Any, content: Content) -> Facts:
        width, height = value.size
        return Facts(
            "image",
            f"PIL.{type(value).__name__}",
            f"{width:,} x {height:,} {value.mode}",
            {"size": [width, height], "mode": value.mode},
        )


def pixel_size(reader: ContentReader) -> tuple[str, int, int]:
    """Return mode, width and height of a picture kept by pixel, checked against its bytes."""
    mode = need(reader.meta, "mode", str)
    size = need(reader.meta, "size", list)
    if (
        mode not in _BYTES
        or len(size) != 2
        or not all(type(n) is int and 0 <= n < 2**24 for n in size)
    ):
        raise Corrupt("a picture's description is damaged")
    width, height = size
    expected = (width + 7) // 8 * height if mode == "1" else width * height * _BYTES[mode]
    if width * height > MAX_PIXELS or reader.read("pixels").nbytes != expected:
        raise refuse(f"a picture of {width:,} x {height:,} does not have the bytes it says")
    return mode, width, height


def _info(image: Any) -> dict[str, Any]:
    """Resolution, transparency and the like: small plain facts only, not embedded files."""
    kept = {}
    for key, value in image.info.items():
        small = type(value) in (int, float, bool, type(None)) or (
            type(value) in (str, bytes, tuple)
            and len(value) <= 1024
            and all(type(v) in (int, float, str) for v in value)
        )
        if type(key) is str and small:
            kept[key] = value
    return kept


CODECS = (PictureCodec, PillowCodec)
