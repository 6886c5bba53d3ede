"""Compares image_tool's pixels with OpenCV's decoder and resizer (and Pillow's) on pictures made here and, where the test data is present, on real ones.

Usage: image_reference_test.py IMAGE_TOOL. The data folder is $OCELLI_TEST_DATA, else ../shared/data beside the source tree.
"""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import cv2
import numpy as np
from PIL import Image

TOOL = sys.argv[1]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("OCELLI_TEST_DATA", SOURCE.parent / "shared" / "data"))


LOSSLESS = (".png", ".bmp", ".ppm", ".pgm", ".pbm", ".tif", ".tiff")


def run(path, *arguments):
    done = subprocess.run([TOOL, str(path), *map(str, arguments)], capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        return None, done.stderr.decode(errors="replace").strip()
    head, _, pixels = done.stdout.partition(b"\n")
    width, height, channels = map(int, head.split())
    kind = np.float32 if "f32" in arguments else np.uint8
    return np.frombuffer(pixels, kind).reshape(height, width, channels), ""


def opencv(path):
    pixels = cv2.imdecode(np.frombuffer(pathlib.Path(path).read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is not None and pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    return pixels if pixels is None or pixels.ndim == 3 else pixels[:, :, None]


def photo(size, channels=3, seed=1):
    """Smooth gradients with noise on top: something for codecs and interpolation to get wrong."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    planes = [(127 + 80 * np.sin(x / (7 + c)) + 40 * np.cos(y / (5 + c))) for c in range(channels)]
    return np.clip(np.stack(planes, -1) + rng.normal(0, 6, (height, width, channels)), 0, 255).astype(np.uint8)


def four_bit_bmp():
    """5 x 2 pixels in 16 colours."""
    palette = bytes(value for i in range(16) for value in (i, 255 - i, 3 * i, 0))
    rows = bytes.fromhex("01234000fedcb000")
    return struct.pack("<2sIHHI", b"BM", 14 + 40 + 64 + 8, 0, 0, 14 + 40 + 64) + struct.pack("<IiiHHIIiiII", 40, 5, 2, 1, 4, 0, 8, 0, 0, 16, 0) + palette + rows


def own_folder(test):
    """A temporary folder that goes with the test."""
    folder = tempfile.TemporaryDirectory(prefix="ocelli-image-")
    test.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)


class Generated(unittest.TestCase):
    def setUp(self):
        self.folder = own_folder(self)

    def check(self, name, save):
        path = self.folder / name
        save(path)
        ours, error = run(path)
        self.assertIsNotNone(ours, f"{name}: {error}")
        theirs = opencv(path)
        self.assertEqual(ours.shape, theirs.shape, name)
        worst = int(np.abs(ours.astype(int) - theirs.astype(int)).max())
        self.assertLessEqual(worst, 0 if path.suffix in LOSSLESS and "jpeg" not in name else 2, f"{name}: pixels differ by up to {worst}")

    def test_formats_agree_with_opencv(self):
        colour, gray, alpha = photo((61, 83)), photo((61, 83), 1), photo((40, 33), 4)
        for name, pixels in (("c.png", colour), ("g.png", gray), ("a.png", alpha), ("c.jpg", colour), ("g.jpg", gray), ("c.bmp", colour),
                             ("c.webp", colour), ("g.bmp", gray), ("a.bmp", alpha), ("c.tiff", colour), ("g.tif", gray), ("c.ppm", colour),
                             ("g.pgm", gray)):
            self.check(name, lambda path, pixels=pixels: cv2.imwrite(str(path), pixels))
        self.check("deep.png", lambda path: cv2.imwrite(str(path), photo((30, 31)).astype(np.uint16) * 257))

    def test_palette_interlace_and_one_bit(self):
        colour = Image.fromarray(photo((50, 70))[:, :, ::-1])
        self.check("palette.png", lambda path: colour.quantize(17).save(path))
        self.check("bits.png", lambda path: colour.convert("1").save(path))
        self.check("palette.bmp", lambda path: colour.quantize(200).save(path))
        self.check("bits.bmp", lambda path: colour.convert("1").save(path))
        self.check("four_bits.bmp", lambda path: path.write_bytes(four_bit_bmp()))
        self.check("bits.pbm", lambda path: colour.convert("1").save(path))
        self.check("progressive.jpg", lambda path: colour.save(path, progressive=True, quality=80))
        self.check("sampled.jpg", lambda path: colour.save(path, subsampling=0))

    def test_tiff(self):
        colour, gray = Image.fromarray(photo((50, 70))[:, :, ::-1]), Image.fromarray(photo((50, 70), 1)[:, :, 0])
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"):
            for image in (colour, gray, colour.quantize(17)):
                self.check(f"{compression}_{image.mode}.tiff", lambda path, image=image: image.save(path, compression=compression))
        for compression in ("raw", "group3", "group4"):
            self.check(f"bits_{compression}.tiff", lambda path: colour.convert("1").save(path, compression=compression))
        self.check("jpeg.tiff", lambda path: colour.save(path, compression="jpeg", quality=90))
        self.check("alpha.tiff", lambda path: Image.fromarray(photo((40, 33), 4)).save(path))
        colour.save(self.folder / "zstd.tiff", compression="zstd")  # which OpenCV's wheel cannot read
        np.testing.assert_array_equal(run(self.folder / "zstd.tiff")[0], np.asarray(colour)[:, :, ::-1])
        self.check("two.tiff", lambda path: colour.save(path, save_all=True, append_images=[gray]))
        self.check("deep.tiff", lambda path: cv2.imwrite(str(path), photo((30, 31)).astype(np.uint16) * 257))

    def test_jpeg_whose_data_ends_early(self):
        for options in ({}, {"progressive": True}, {"subsampling": 0}):
            path = self.folder / "whole.jpg"
            Image.fromarray(photo((130, 170))).save(path, "JPEG", quality=90, **options)
            whole = path.read_bytes()
            cut = self.folder / "cut.jpg"
            for end in (b"", b"\xff\xd9"):
                for part in (0.3, 0.5, 0.9):
                    cut.write_bytes(whole[: int(len(whole) * part)] + end)
                    self.assertRegex(run(cut)[1], "^INVALID_ARGUMENT: JPEG picture is cut off: its data ends early, after ", f"{options} {part} {end}")
        # Nothing but the last marker is missing, as some cameras and OpenCV have it.
        Image.fromarray(photo((130, 170))).save(path, "JPEG", quality=90)
        cut.write_bytes(path.read_bytes()[:-2])
        np.testing.assert_array_equal(run(cut)[0], cv2.imread(str(path), cv2.IMREAD_UNCHANGED))

    def test_tiff_whose_palette_or_jpeg_data_is_cut_off(self):
        path = self.folder / "palette.tiff"
        Image.fromarray(photo((33, 44))).quantize(64).save(path, compression="tiff_lzw")
        whole = path.read_bytes()
        cut = self.folder / "cut.tiff"
        cut.write_bytes(whole[:-1])
        self.assertRegex(run(cut)[1], "^INVALID_ARGUMENT: TIFF picture cannot be read: it is cut off: ")
        Image.fromarray(photo((64, 64))).save(path, compression="jpeg", quality=90)
        whole = path.read_bytes()
        with Image.open(path) as tiff:
            begin, size = tiff.tag_v2[273][0], tiff.tag_v2[279][0]
        half = begin + size // 2
        cut.write_bytes(whole[:half] + b"\xff\xd9" * ((begin + size - half) // 2) + whole[begin + size - (begin + size - half) % 2:])
        self.assertRegex(run(cut)[1], "^INVALID_ARGUMENT: TIFF picture cannot be read: it is cut off: ")

    def test_tiff_orientations(self):
        stored = photo((5, 7))
        for orientation in range(1, 9):
            path = self.folder / f"turned_{orientation}.tiff"
            Image.fromarray(stored).save(path, tiffinfo={274: orientation})
            np.testing.assert_array_equal(run(path)[0], np.asarray(Image.open(path))[:, :, ::-1], f"orientation {orientation}")

    def test_tiff_whose_tiles_are_much_larger_than_the_picture(self):
        # One tile's bytes for many tiles: minutes of work for a few kilobytes.
        wide, high, tiles = 65536, 1024, 8
        packed = zlib.compress(bytes(wide * high), 9)
        at = 8 + len(packed)
        lists = struct.pack(f"<{tiles}I", *[8] * tiles) + struct.pack(f"<{tiles}I", *[len(packed)] * tiles)
        tags = [(256, 4, 1, 16), (257, 4, 1, high * tiles), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1), (322, 4, 1, wide), (323, 4, 1, high),
                (324, 4, tiles, at), (325, 4, tiles, at + 4 * tiles)]
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        path = self.folder / "tiles.tiff"
        path.write_bytes(b"II*\0" + struct.pack("<I", at + len(lists)) + packed + lists + struct.pack("<H", len(tags)) + entries + bytes(4))
        self.assertIn(f"TIFF picture has {wide * high * tiles} bytes of tiles or strips for {16 * high * tiles} pixels; at most ", run(path)[1])

    def test_tiff_that_cannot_be_read_says_why(self):
        colour = Image.fromarray(photo((50, 70))[:, :, ::-1])
        path = self.folder / "picture.tiff"
        for compression, error in (("raw", "Read error"), ("tiff_lzw", "cannot be read: "), ("tiff_adobe_deflate", "cannot be read: ")):
            colour.save(path, compression=compression)
            whole = path.read_bytes()
            # Pillow writes the directory behind the pixels with libtiff, in front of them without.
            directory = struct.unpack("<I", whole[4:8])[0]
            cut = whole[: len(whole) // 2] if directory < len(whole) // 2 else whole[: directory // 2] + bytes(len(whole) - directory // 2)
            path.write_bytes(cut)
            ours, said = run(path)
            self.assertIsNone(ours, compression)
            self.assertRegex(said, f"^INVALID_ARGUMENT: TIFF picture .*{error}", compression)
        Image.fromarray(photo((5, 7), 1)[:, :, 0].astype(np.float32)).save(path)
        self.assertIn("TIFF picture is not supported: Sorry, can not handle images with 32-bit samples", run(path)[1])
        colour.save(path, compression="lzma")
        self.assertIn("TIFF with compression 34925 is not supported", run(path)[1])

    def test_resize_equals_opencv(self):
        for channels in (1, 3, 4):
            path = self.folder / f"r{channels}.png"
            source = photo((97, 131), channels, seed=channels)
            cv2.imwrite(str(path), source)
            for width, height in ((224, 224), (64, 48), (131, 20), (33, 97), (1, 1), (260, 190)):
                ours, error = run(path, width, height)
                self.assertIsNotNone(ours, error)
                theirs = cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, channels)
                worst = int(np.abs(ours.astype(int) - theirs.astype(int)).max())
                self.assertLessEqual(worst, 1, f"{channels} channels to {width}x{height}: differs by up to {worst}")
                floats, _ = run(path, width, height, "f32")
                exact = cv2.resize(source.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR).reshape(floats.shape)
                np.testing.assert_allclose(floats, exact, atol=2e-2)

    def test_kernel_equals_opencv(self):
        """The CUDA kernel's arithmetic, run on the CPU."""
        for channels in (1, 3):
            path = self.folder / f"k{channels}.png"
            source = photo((97, 131), channels, seed=channels)
            cv2.imwrite(str(path), source)
            for width, height in ((224, 224), (64, 48), (33, 97), (260, 190)):
                ours, error = run(path, width, height, "kernel")
                self.assertIsNotNone(ours, error)
                theirs = cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, channels)
                self.assertLessEqual(int(np.abs(ours.astype(int) - theirs.astype(int)).max()), 1, f"{channels} channels to {width}x{height}")

    def test_halving_averages(self):
        path = self.folder / "even.png"
        source = photo((64, 80))
        cv2.imwrite(str(path), source)
        ours, _ = run(path, 40, 32)
        np.testing.assert_array_equal(ours, cv2.resize(source, (40, 32), interpolation=cv2.INTER_LINEAR))


class SmallFilesThatWouldCostMuch(unittest.TestCase):
    def setUp(self):
        self.path = own_folder(self) / "picture"

    def test_scans_without_end(self):
        """Each scan of a few bytes walks over all of the picture."""
        Image.fromarray(photo((64, 64), 1)[:, :, 0]).save(self.path, "JPEG", progressive=True)
        file = self.path.read_bytes()
        scans = [match.end() for match in re.finditer(rb"\xff\xda.*?(?=\xff[^\x00])", file, re.DOTALL)]
        second = file[scans[0] : scans[1]]  # with its tables; what it brings does not build on others
        for repeated, refused in ((50, False), (100, True), (1000, True)):
            self.path.write_bytes(file[:-2] + second * repeated + file[-2:])
            pixels, error = run(self.path)
            self.assertEqual(pixels is None, refused, error)
            if refused:
                self.assertIn("JPEG picture cannot be read: it has more than 100 scans", error)

    def test_texts_and_profiles_are_not_inflated(self):
        """A compressed text of 8 KB becomes 8 MB, and there may be a thousand of them."""
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        def peak_kb(count):
            self.path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + text * count +
                                  chunk(b"IDAT", zlib.compress(b"\0abc")) + chunk(b"IEND", b""))
            with subprocess.Popen([TOOL, str(self.path)], stdout=subprocess.PIPE) as tool:
                self.assertEqual(tool.stdout.read(), b"1 1 3\ncba")
                _, status, usage = os.wait4(tool.pid, 0)
                tool.returncode = status
            self.assertEqual(status, 0)
            return usage.ru_maxrss

        text = chunk(b"zTXt", b"key\0\0" + zlib.compress(b"a" * 7_900_000, 9))
        self.assertLess(peak_kb(100) - peak_kb(0), 100 << 10)


@unittest.skipUnless(DATA.is_dir(), f"no test data at {DATA}: set OCELLI_TEST_DATA")
class Real(unittest.TestCase):
    def test_real_pictures_agree_with_opencv(self):
        compared = 0
        names = [*DATA.glob("images/codecs/*"), *DATA.glob("images/exif/*.jpg"), *DATA.glob("images/imagenet/*"), *DATA.glob("images/ocr/*")]
        for path in sorted(names):
            if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".ppm"):
                continue
            ours, error = run(path)
            self.assertIsNotNone(ours, f"{path.name}: {error}")
            theirs = opencv(path)
            self.assertEqual(ours.shape, theirs.shape, path.name)
            difference = np.abs(ours.astype(int) - theirs.astype(int))
            limit = 3 if "cmyk" in path.name else 2
            self.assertLessEqual(int(difference.max()), limit, path.name)
            compared += 1
        self.assertGreater(compared, 20)

    def test_broken_pictures_are_errors_that_say_why(self):
        names = ("truncated_jpeg.jpg", "truncated_image.png", "truncated_end_chunk.png", "broken_data_stream.png", "badwidth.bmp", "badrle.bmp")
        for path in (DATA / "images/broken" / name for name in names):
            ours, error = run(path)
            self.assertTrue(ours is None, f"{path.name} was accepted")
            self.assertRegex(error, r"^INVALID_ARGUMENT: (JPEG|PNG|BMP) ", path.name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
