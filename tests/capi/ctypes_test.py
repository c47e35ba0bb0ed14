"""Reads the sample archive through libbbz.so by ctypes alone.

    ctypes_test.py LIBRARY DIRECTORY    the directory is that of capi_archive
"""

import ctypes as c
import errno
import hashlib
import io
import pathlib
import sys
import threading
import unittest

LIBRARY, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
NONE = 0xFFFFFFFF

bbz = c.CDLL(LIBRARY)
for name in "version_string", "code_name", "dtype_name", "error_message":
    getattr(bbz, "bbz_" + name).restype = c.c_char_p
bbz.bbz_error_new.restype = c.c_void_p
bbz.bbz_error_message.argtypes = bbz.bbz_error_free.argtypes = [c.c_void_p]
bbz.bbz_source_free.argtypes = bbz.bbz_reader_free.argtypes = [c.c_void_p]
bbz.bbz_source_open_file.argtypes = [c.c_char_p, c.c_void_p, c.c_void_p]
bbz.bbz_source_open_memory.argtypes = [c.c_char_p, c.c_size_t, c.c_void_p, c.c_void_p]
bbz.bbz_source_open_callbacks.argtypes = [c.c_void_p] * 3
bbz.bbz_reader_open.argtypes = [c.c_void_p] * 4
bbz.bbz_reader_info.argtypes = [c.c_void_p] * 3
bbz.bbz_reader_tensor.argtypes = [c.c_void_p, c.c_uint32, c.c_void_p, c.c_void_p]
bbz.bbz_reader_file.argtypes = [c.c_void_p, c.c_uint32, c.c_void_p, c.c_void_p]
bbz.bbz_reader_find_tensor.argtypes = [
    c.c_void_p, c.c_char_p, c.c_size_t, c.c_uint32, c.c_void_p, c.c_void_p]
bbz.bbz_reader_read_tensor.argtypes = [
    c.c_void_p, c.c_uint32, c.c_void_p, c.c_size_t, c.c_void_p]
bbz.bbz_reader_read_rows.argtypes = [
    c.c_void_p, c.c_uint32, c.c_uint64, c.c_uint64, c.c_void_p, c.c_size_t, c.c_void_p]
bbz.bbz_reader_plan.argtypes = [
    c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p, c.c_void_p, c.c_void_p]
bbz.bbz_plan_get.argtypes = [c.c_void_p] * 3
bbz.bbz_plan_range.argtypes = [c.c_void_p, c.c_uint64, c.c_void_p, c.c_void_p]
bbz.bbz_plan_free.argtypes = bbz.bbz_push_free.argtypes = [c.c_void_p]
bbz.bbz_push_new.argtypes = [c.c_void_p] * 4
bbz.bbz_push_feed.argtypes = [c.c_void_p, c.c_uint64, c.c_char_p, c.c_size_t, c.c_void_p]
bbz.bbz_push_finish.argtypes = [c.c_void_p, c.c_void_p]
bbz.bbz_reader_read_file.argtypes = [
    c.c_void_p, c.c_uint32, c.c_uint64, c.c_void_p, c.c_size_t, c.c_void_p]


class Info(c.Structure):
    def __init__(self):
        super().__init__(struct_size=c.sizeof(self))


class ArchiveInfo(Info):
    _fields_ = [("struct_size", c.c_size_t), ("format_major", c.c_uint32), ("format_minor", c.c_uint32),
                ("file_count", c.c_uint32), ("tensor_count", c.c_uint32),
                ("metadata_count", c.c_uint32), ("exact", c.c_uint32), ("chunk_count", c.c_uint64),
                ("archive_bytes", c.c_uint64), ("unpacked_bytes", c.c_uint64),
                ("stored_bytes", c.c_uint64), ("root", c.c_char * 80)]


class FileInfo(Info):
    _fields_ = [("struct_size", c.c_size_t), ("path", c.c_char_p), ("path_length", c.c_size_t),
                ("size", c.c_uint64), ("tensors", c.POINTER(c.c_uint32)),
                ("tensor_count", c.c_size_t), ("sha256", c.POINTER(c.c_ubyte * 32)),
                ("is_directory", c.c_uint32)]


class TensorInfo(Info):
    _fields_ = [("struct_size", c.c_size_t), ("name", c.c_char_p), ("name_length", c.c_size_t),
                ("kind", c.c_uint32), ("dtype", c.c_uint32), ("element_bits", c.c_uint32),
                ("rank", c.c_uint32), ("shape", c.POINTER(c.c_uint64)),
                ("element_count", c.c_uint64), ("byte_size", c.c_uint64),
                ("stored_bytes", c.c_uint64), ("chunk_count", c.c_uint64),
                ("file_offset", c.c_uint64), ("file", c.c_uint32), ("layer", c.c_uint32)]


READ = c.CFUNCTYPE(c.c_int64, c.c_void_p, c.c_uint64, c.c_void_p, c.c_size_t)
SIZE = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(c.c_uint64))
CLOSE = c.CFUNCTYPE(None, c.c_void_p)


class Callbacks(Info):
    _fields_ = [("struct_size", c.c_size_t), ("user", c.c_void_p), ("name", c.c_char_p),
                ("read", READ), ("size", SIZE), ("close", CLOSE)]


class Part(c.Structure):
    _fields_ = [("offset", c.c_uint64), ("size", c.c_uint64), ("tensor", c.c_uint32),
                ("reserved", c.c_uint32)]


class PlanInfo(Info):
    _fields_ = [("struct_size", c.c_size_t), ("piece_count", c.c_uint64),
                ("range_count", c.c_uint64), ("piece_bytes", c.c_uint64),
                ("fetch_bytes", c.c_uint64)]


class Range(Info):
    _fields_ = [("struct_size", c.c_size_t), ("offset", c.c_uint64), ("length", c.c_uint64),
                ("first_piece", c.c_uint64), ("piece_count", c.c_uint64)]


STRUCTURE = c.CFUNCTYPE(c.c_int, c.c_void_p)
METADATA = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t)
BEGIN_TENSOR = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.POINTER(TensorInfo))
DATA = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.c_uint64, c.c_void_p, c.c_size_t)
END_TENSOR = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32)
END_FILE = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.POINTER(FileInfo))
FAILED = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.c_uint32, c.c_int, c.c_char_p)


class Receiver(Info):
    _fields_ = [("struct_size", c.c_size_t), ("user", c.c_void_p), ("structure", STRUCTURE),
                ("metadata", METADATA), ("begin_tensor", BEGIN_TENSOR), ("data", DATA),
                ("end_tensor", END_TENSOR), ("end_file", END_FILE), ("failed", FAILED)]


class BbzError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{bbz.bbz_code_name(code).decode()}: {message}")
        self.code = code


def call(function, *arguments):
    error = bbz.bbz_error_new()
    try:
        code = function(*arguments, error)
        if code != 0:
            raise BbzError(code, bbz.bbz_error_message(error).decode())
    finally:
        bbz.bbz_error_free(error)


class Reader:
    def __init__(self, open_source, *arguments):
        source = c.c_void_p()
        call(open_source, *arguments, c.byref(source))
        self.handle = c.c_void_p()
        try:
            call(bbz.bbz_reader_open, source, None, c.byref(self.handle))
        finally:
            bbz.bbz_source_free(source)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        bbz.bbz_reader_free(self.handle)

    def info(self):
        info = ArchiveInfo()
        call(bbz.bbz_reader_info, self.handle, c.byref(info))
        return info

    def tensor(self, name):
        number, info = c.c_uint32(), TensorInfo()
        call(bbz.bbz_reader_find_tensor, self.handle, name, len(name), NONE, c.byref(number))
        call(bbz.bbz_reader_tensor, self.handle, number, c.byref(info))
        buffer = c.create_string_buffer(info.byte_size)
        call(bbz.bbz_reader_read_tensor, self.handle, number, buffer, info.byte_size)
        return number, info, buffer.raw

    def files(self):
        for number in range(self.info().file_count):
            info = FileInfo()
            call(bbz.bbz_reader_file, self.handle, number, c.byref(info))
            buffer = c.create_string_buffer(info.size)
            call(bbz.bbz_reader_read_file, self.handle, number, 0, buffer, info.size)
            yield info, buffer.raw


class SampleArchive(unittest.TestCase):
    archive = (FOLDER / "sample.bbz").read_bytes()
    model = (FOLDER / "model").read_bytes()

    def open(self):
        return Reader(bbz.bbz_source_open_file, str(FOLDER / "sample.bbz").encode())

    def test_versions(self):
        self.assertRegex(bbz.bbz_version_string(), rb"^\d+\.\d+\.\d+$")
        self.assertEqual(bbz.bbz_abi_version() >> 16, 1)

    def test_files_have_their_digests(self):
        with self.open() as reader:
            found = {info.path.decode(): (info, data) for info, data in reader.files()}
        self.assertEqual(found["model"][1], self.model)
        for info, data in found.values():
            if not info.is_directory:
                self.assertEqual(bytes(info.sha256.contents), hashlib.sha256(data).digest())

    def test_a_tensor_and_its_rows(self):
        with self.open() as reader:
            number, info, data = reader.tensor(b"layers.0.w")
            self.assertEqual(bbz.bbz_dtype_name(info.dtype), b"BF16")
            self.assertEqual(info.shape[: info.rank], [16, 20])
            self.assertEqual(info.layer, 0)
            self.assertEqual(data, self.model[info.file_offset:][: info.byte_size])
            rows = c.create_string_buffer(3 * 40)
            call(bbz.bbz_reader_read_rows, reader.handle, number, 5, 3, rows, 120)
            self.assertEqual(rows.raw, data[200:320])

    def test_a_reader_of_memory_in_many_threads(self):
        with Reader(bbz.bbz_source_open_memory, self.archive, len(self.archive)) as reader:
            expected, found = reader.tensor(b"embed")[2], []
            threads = [threading.Thread(target=lambda: found.append(reader.tensor(b"embed")[2]))
                       for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(found, [expected] * 8)

    def test_callbacks(self):
        file, closed, fails = io.BytesIO(self.archive), [], []

        def read(_, offset, buffer, length):
            if fails:
                return -errno.ETIMEDOUT
            file.seek(offset)
            data = file.read(min(length, 100))
            c.memmove(buffer, data, len(data))
            return len(data)

        def size(_, out):
            out[0] = len(self.archive)
            return 0

        callbacks = Callbacks()
        callbacks.name = b"a file of Python"
        callbacks.read, callbacks.size = READ(read), SIZE(size)
        callbacks.close = CLOSE(lambda _: closed.append(True))
        with Reader(bbz.bbz_source_open_callbacks, c.byref(callbacks)) as reader:
            _, info, data = reader.tensor(b"layers.1.w")
            self.assertEqual(data, self.model[info.file_offset:][: info.byte_size])
            fails.append(True)
            with self.assertRaisesRegex(BbzError, "^io: a file of Python: .*timed out"):
                reader.tensor(b"layers.1.w")
            self.assertEqual(closed, [])
        self.assertEqual(closed, [True])

    def test_a_plan_is_enough_to_read_what_was_planned(self):
        kept = bytearray(len(self.archive))  # what opening reads, and the planned ranges

        def keep(offset, length):
            kept[offset:offset + length] = self.archive[offset:offset + length]

        def read(_, offset, buffer, length):
            data = self.archive[offset:offset + length]
            c.memmove(buffer, data, len(data))
            keep(offset, len(data))
            return len(data)

        def size(_, out):
            out[0] = len(self.archive)
            return 0

        callbacks = Callbacks()
        callbacks.read, callbacks.size = READ(read), SIZE(size)
        with Reader(bbz.bbz_source_open_callbacks, c.byref(callbacks)) as reader:
            parts, plan, info, number = (Part * 1)(), c.c_void_p(), PlanInfo(), c.c_uint32()
            call(bbz.bbz_reader_find_tensor, reader.handle, b"layers.1.w", 10, NONE, c.byref(number))
            parts[0].tensor, parts[0].size = number, 0xFFFFFFFFFFFFFFFF
            call(bbz.bbz_reader_plan, reader.handle, parts, 1, None, c.byref(plan))
            call(bbz.bbz_plan_get, plan, c.byref(info))
            for i in range(info.range_count):
                found = Range()
                call(bbz.bbz_plan_range, plan, i, c.byref(found))
                keep(found.offset, found.length)
            bbz.bbz_plan_free(plan)
        memory = bytes(kept)  # stays for as long as it is read from
        with Reader(bbz.bbz_source_open_memory, memory, len(memory)) as reader:
            _, info, data = reader.tensor(b"layers.1.w")
            self.assertEqual(data, self.model[info.file_offset:][: info.byte_size])
            with self.assertRaisesRegex(BbzError, "^checksum: "):
                reader.tensor(b"layers.0.w")

    def test_tensors_are_received(self):
        tensors, files = {}, {}

        def begin_tensor(_, tensor, info):
            tensors[tensor] = bytearray(info[0].byte_size)
            return 0

        def data(_, tensor, offset, address, size):
            tensors[tensor][offset:offset + size] = c.string_at(address, size)
            return 0

        def end_file(_, number, info):
            numbers = info[0].tensors[: info[0].tensor_count]
            files[info[0].path] = b"".join(tensors[n] for n in numbers)
            return 0

        receiver, push = Receiver(), c.c_void_p()
        receiver.begin_tensor, receiver.data = BEGIN_TENSOR(begin_tensor), DATA(data)
        receiver.end_file = END_FILE(end_file)
        call(bbz.bbz_push_new, None, c.byref(receiver), c.byref(push))
        for offset in range(0, len(self.archive), 1000):
            piece = self.archive[offset:offset + 1000]
            call(bbz.bbz_push_feed, push, offset, piece, len(piece))
        call(bbz.bbz_push_finish, push)
        bbz.bbz_push_free(push)
        self.assertEqual(files[b"model"], self.model)

    def test_errors(self):
        with self.assertRaisesRegex(BbzError, "^not-found: "):
            Reader(bbz.bbz_source_open_file, str(FOLDER / "absent").encode())
        with self.assertRaisesRegex(BbzError, "^not-an-archive: "):
            Reader(bbz.bbz_source_open_file, str(FOLDER / "model").encode())
        with self.open() as reader, self.assertRaisesRegex(BbzError, "^invalid-argument: "):
            call(bbz.bbz_reader_read_tensor, reader.handle, 0, None, 5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
