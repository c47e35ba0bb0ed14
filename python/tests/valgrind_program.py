"""Calls most functions of the library, for test_valgrind: reading, writing, threads, callbacks and errors."""

import io
import sys
import tempfile
import threading

import bbz
import helpers


class Failing(io.BytesIO):
    def read(self, size=-1):
        raise RuntimeError


def main():
    folder = tempfile.mkdtemp(dir=sys.argv[1])
    plain = helpers.write_safetensors(f"{folder}/m.safetensors", helpers.every_type(), {"a": "b"})
    bbz.pack(plain, f"{folder}/m.bbz", chunk_size=4096)
    data = {name: content for name, _, _, content in helpers.every_type()}
    with bbz.Archive(f"{folder}/m.bbz") as archive:
        for name in archive:
            assert archive.read(name) == data[name]
        archive.rows("wide", 3, 5)
        archive.open_file("m.safetensors").read()
        archive.verify()
        threads = [threading.Thread(target=lambda: [archive.read("wide") for _ in range(5)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with bbz.safe_open(f"{folder}/m.bbz", "np") as f:
        f.get_slice("f32")[0:2:1, ::2]
        f.get_slice("type.I16")[1:4:2, ::3]
    with bbz.safe_open(plain, "np") as f:
        f.get_tensor("f32")
        f.metadata()
    output = io.BytesIO()
    with bbz.Writer(output) as writer:
        writer.begin_file("x")
        writer.write_tensor(bytes(200), name="t", dtype="U8", shape=[2, 100])
        writer.end_file()
    bbz.Archive(io.BytesIO(output.getvalue())).read("t")
    for bad in (b"", b"x" * 100, output.getvalue()[:50], Failing(output.getvalue())):
        try:
            bbz.Archive(bad)
        except bbz.Error:
            continue
        raise AssertionError("no error")
    bbz.unpack(f"{folder}/m.bbz", f"{folder}/out")
    bbz.compare(plain, f"{folder}/m.bbz")
    bbz.estimate(plain)
    try:
        bbz.pack(plain, f"{folder}/n.bbz", progress=lambda done, total: 1 / 0)
    except ZeroDivisionError:
        print("fine")


if __name__ == "__main__":
    main()
