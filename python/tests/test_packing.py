"""Packing, unpacking, verifying, comparing and estimating, and the writer."""

import io
import os
import threading

import numpy
import pytest

import bbz
import helpers


def test_pack_and_unpack(plain, tmp_path):
    written = bbz.pack(plain, tmp_path / "m.bbz")
    assert written.files == 1 and written.tensors == len(helpers.every_type()) and written.input_nbytes == plain.stat().st_size
    assert written.nbytes == (tmp_path / "m.bbz").stat().st_size and not written.rotated and written.left_out == 0
    unpacked = bbz.unpack(tmp_path / "m.bbz", tmp_path / "out")
    assert unpacked.exact and unpacked.files == 1 and unpacked.root == written.root
    assert (tmp_path / "out" / "every.safetensors").read_bytes() == plain.read_bytes()
    with pytest.raises(bbz.ExistsError):
        bbz.pack(plain, tmp_path / "m.bbz")
    with pytest.raises(FileExistsError):
        bbz.unpack(tmp_path / "m.bbz", tmp_path / "out")
    bbz.pack(plain, tmp_path / "m.bbz", overwrite=True, digest="sha256", level="small", index_first=True, align=64)
    assert bbz.unpack(tmp_path / "m.bbz", tmp_path / "out", overwrite=True).root.startswith("sha256:")


def test_directories_and_selections(tmp_path):
    (tmp_path / "d" / "sub").mkdir(parents=True)
    helpers.write_safetensors(tmp_path / "d" / "model.safetensors", helpers.model())
    (tmp_path / "d" / "sub" / "a.txt").write_text("a")
    (tmp_path / "d" / "b.log").write_text("b")
    bbz.pack(tmp_path / "d", tmp_path / "d.bbz", exclude=["*.log"], modes=True, times=True)
    with bbz.Archive(tmp_path / "d.bbz") as archive:
        assert [each.path for each in archive.files] == ["model.safetensors", "sub/a.txt"]
        assert archive.files[1].mode == (tmp_path / "d" / "sub" / "a.txt").stat().st_mode & 0o777
        assert abs(archive.files[1].modified.timestamp() - (tmp_path / "d" / "sub" / "a.txt").stat().st_mtime) < 0.001
    one = bbz.unpack(tmp_path / "d.bbz", tmp_path / "l1.safetensors", layers=[1], one_file=True)
    assert one.tensors == 2
    with bbz.safe_open(tmp_path / "l1.safetensors", "np") as f:
        assert f.keys() == [f"model.layers.1.self_attn.{part}.weight" for part in ("k_proj", "q_proj")]
    assert bbz.unpack(tmp_path / "d.bbz", tmp_path / "f", files=["sub/*"]).files == 1
    assert bbz.unpack(tmp_path / "d.bbz", tmp_path / "t", layers=[(0, 2)], tensors=["*q_proj*"], exclude=["*.2.*"]).tensors == 2
    with pytest.raises(bbz.NotFoundError):
        bbz.unpack(tmp_path / "d.bbz", tmp_path / "n", tensors=["absent"])
    bbz.pack(tmp_path / "d", tmp_path / "o.bbz", opaque=["*.safetensors"])
    assert len(bbz.Archive(tmp_path / "o.bbz")) == 0


def test_arguments_that_cannot_be(plain, tmp_path):
    for options in ({"level": "best"}, {"symmetry": "yes"}, {"digest": "md5"}, {"chunk_size": 1 << 40}, {"align": 3}):
        with pytest.raises(bbz.InvalidArgumentError):
            bbz.pack(plain, tmp_path / "x.bbz", **options)
    for options in ({"exclude": "*.pt"}, {"exclude": [3]}, {"threads": "two"}):
        with pytest.raises((TypeError, AttributeError)):
            bbz.pack(plain, tmp_path / "x.bbz", **options)
    with pytest.raises(FileNotFoundError):
        bbz.pack(tmp_path / "absent", tmp_path / "x.bbz")
    assert not (tmp_path / "x.bbz").exists()


def test_verify(packed, damaged):
    report = bbz.verify(packed)
    assert report.damage == [] and report.nbytes == packed.stat().st_size and report.files == 1
    assert bbz.verify(packed, fast=True, root=report.root).root == report.root
    with pytest.raises(bbz.DigestMismatchError):
        bbz.verify(packed, root="xxh3-128:" + 32 * "0")
    with pytest.raises(bbz.ChecksumError) as caught:
        bbz.verify(damaged.read_bytes())
    assert caught.value.report.damage[0].tensor == "wide"


def test_compare_and_estimate(plain, packed, tmp_path):
    same = bbz.compare(plain, packed)
    assert same.identical and same.largest == 0 and {each.name for each in same.tensors} == {each[0] for each in helpers.every_type()}
    other = helpers.write_safetensors(tmp_path / "o.safetensors", [("f32", "F32", (2, 3, 4), helpers.weights((2, 3, 4), "F32", 5))])
    different = bbz.compare(plain, other.read_bytes())
    assert not different.identical and different.largest == float("inf")
    estimate = bbz.estimate(packed)
    assert estimate.refusal and estimate.junctions == []
    with pytest.raises(bbz.Error):
        bbz.compare(plain, b"nothing")


def test_pack_pivots(tmp_path):
    left, right = helpers.weights((24, 8), "F16", 1), helpers.weights((8, 40), "F16", 2)
    model = helpers.write_safetensors(
        tmp_path / "m.safetensors", [("x.ALinear.weight", "F16", (24, 8), left), ("x.BLinear.weight", "F16", (8, 40), right)]
    )
    assert bbz.estimate(model).pairs == [bbz.Pair("x", "", 8, 64)]
    for floor in (0, 0.5, 1):
        written = bbz.pack(model, tmp_path / "p.bbz", symmetry="pivot", symmetry_floor=floor, overwrite=True)
        assert written.rotated
        before = bbz.numpy.load_file(model)
        after = bbz.numpy.load_file(tmp_path / "p.bbz")
        exact, found = (t["x.ALinear.weight"].astype("f8") @ t["x.BLinear.weight"].astype("f8") for t in (before, after))
        assert abs(found - exact).max() < 1e-2 * abs(exact).max()
        assert not (after["x.ALinear.weight"] == before["x.ALinear.weight"]).all()
    for bad in (0.7, "1"):
        with pytest.raises(bbz.InvalidArgumentError):
            bbz.pack(model, tmp_path / "q.bbz", symmetry="pivot", symmetry_floor=bad)


def test_compare_pairs(tmp_path):
    a, b = numpy.arange(1, 9, dtype="f4").reshape(4, 2) % 5, numpy.arange(10, dtype="f4").reshape(2, 5) % 7

    def model(name, tensors):
        return helpers.write_safetensors(tmp_path / name, [(n, "F32", t.shape, t.tobytes()) for n, t in tensors])

    def pair(name, left, right):
        return model(name, [("x.ALinear.weight", left), ("x.BLinear.weight", right)])

    first = pair("1.safetensors", a, b)
    for name, second, verdict in (
        ("same", pair("same.safetensors", a, b), "identical"),
        ("twice", pair("twice.safetensors", a * 2, b / 2), "one matrix, factored twice"),
        ("whole", model("whole.safetensors", [("x.weight", a @ b)]), "one matrix, whole and factored"),
        ("other", pair("other.safetensors", a + 1, b), "different matrices"),
        ("none", model("none.safetensors", [("y.weight", a)]), "not compared"),
    ):
        found = bbz.compare(first, second)
        assert found.no_pairs == "" and len(found.pairs) == 1
        distance = found.pairs[0]
        assert isinstance(distance, bbz.PairDistance) and (distance.name, distance.verdict) == ("x", verdict), name
        assert distance.same == (name in ("same", "twice", "whole"))
        assert (distance.first_rank, distance.second_rank) == (2, 0 if name in ("whole", "none") else 2)
        assert distance.note == ("only in the first" if name == "none" else "")
        if name != "none":
            assert (distance.product > 0) == (distance.largest > 0) == (distance.of_rounding > 1) == (name == "other")
            assert (distance.plain == 0) == (name == "same") and (distance.plain == float("inf")) == (name == "whole")
    exact, moved = a.astype("f8") @ b, (a + 1).astype("f8") @ b
    distance = bbz.compare(first, tmp_path / "other.safetensors").pairs[0]
    assert distance.product == pytest.approx(numpy.linalg.norm(moved - exact) / numpy.linalg.norm(moved), rel=1e-12)
    none = bbz.compare(tmp_path / "none.safetensors", tmp_path / "none.safetensors")
    assert none.pairs == [] and none.no_pairs


def test_progress(large, tmp_path):
    plain, packed = large
    for call in (
        lambda told: bbz.pack(plain, tmp_path / "p.bbz", progress=told),
        lambda told: bbz.unpack(packed, tmp_path / "out", progress=told),
        lambda told: bbz.verify(packed, progress=told),
        lambda told: bbz.numpy.load_file(packed, progress=told),
        lambda told: bbz.compare(plain, packed, progress=told),
    ):
        calls = []
        call(lambda done, total: calls.append((done, total, threading.current_thread())))
        assert calls and calls[-1][0] > 0 and [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)
        assert all(thread is threading.current_thread() for _, _, thread in calls)
        assert calls[-1][1] is None or calls[-1][0] <= calls[-1][1]


def test_progress_that_raises(large, tmp_path):
    plain, packed = large

    class Enough(Exception):
        pass

    def enough(done, total):
        raise Enough

    for call in (
        lambda: bbz.pack(plain, tmp_path / "p.bbz", level="small", progress=enough),
        lambda: bbz.unpack(packed, tmp_path / "out", progress=enough),
        lambda: bbz.verify(packed, progress=enough),
        lambda: bbz.torch.load_file(packed, progress=enough) if helpers.has_torch() else bbz.verify(packed, progress=enough),
    ):
        with pytest.raises(Enough):
            call()
    assert sorted(os.listdir(tmp_path)) in ([], ["out"]) and not list(tmp_path.rglob("*.safetensors"))


def test_progress_of_tqdm(packed, tmp_path, capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    bbz.unpack(packed, tmp_path, progress=True)
    assert "100%" in capsys.readouterr().err


def test_writer(tmp_path):
    with bbz.Writer(tmp_path / "w.bbz") as writer:
        writer.add_metadata("origin", "a test")
        writer.begin_safetensors("m.safetensors", {name: (dtype, shape) for name, dtype, shape, _ in helpers.every_type()}, {"k": "v"})
        for name, _, _, data in helpers.every_type():
            if name == "wide":
                writer.begin_tensor()
                for offset in range(0, len(data), 10000):
                    writer.write(data[offset : offset + 10000])
                writer.end_tensor()
            else:
                writer.write_tensor(data)
        writer.end_file()
        writer.begin_file("raw.bin")
        writer.add_metadata("kind", "raw")
        writer.begin_bytes(3)
        writer.write(b"abc")
        writer.end_tensor()
        writer.write_tensor(numpy.arange(4, dtype="<i4"), name="x", dtype="I32", shape=(4,))
        writer.end_file()
        writer.add_directory("empty")
    assert writer.finish().files == 3
    bbz.unpack(tmp_path / "w.bbz", tmp_path)
    assert (tmp_path / "raw.bin").read_bytes() == b"abc" + numpy.arange(4, dtype="<i4").tobytes()
    assert (tmp_path / "empty").is_dir()
    with bbz.safe_open(tmp_path / "m.safetensors", "np") as f:
        assert f.metadata() == {"k": "v"} and set(f.keys()) == {each[0] for each in helpers.every_type()}
    with bbz.Archive(tmp_path / "w.bbz") as archive:
        assert archive.metadata == {"origin": "a test"} and archive.find_file("raw.bin").metadata["kind"] == "raw"
        assert archive.read("wide") == helpers.every_type()[0][3]


def test_writer_to_a_file_object():
    output = io.BytesIO()
    with bbz.Writer(output) as writer:
        writer.begin_file("x")
        writer.write_tensor(bytes(range(200)), name="t", dtype="U8", shape=[2, 100])
        writer.end_file()
    assert bbz.Archive(output.getvalue()).read("t") == bytes(range(200))


def test_writer_that_is_given_up(tmp_path):
    with pytest.raises(RuntimeError):
        with bbz.Writer(tmp_path / "w.bbz") as writer:
            writer.begin_file("x")
            raise RuntimeError
    with pytest.raises(bbz.ClosedError):
        writer.begin_file("y")
    writer = bbz.Writer(tmp_path / "w.bbz")
    writer.close()
    with pytest.raises(bbz.ClosedError):
        writer.finish()
    del writer
    assert os.listdir(tmp_path) == []


def test_writer_misused(tmp_path):
    for misuse in (
        lambda w: w.end_file(), lambda w: w.write(b"x"), lambda w: (w.begin_file("a"), w.begin_file("b")),
        lambda w: (w.begin_file("a"), w.finish()), lambda w: w.begin_file("../a"), lambda w: w.begin_file("/a"),
        lambda w: (w.begin_file("a"), w.write_tensor(b"abc", name="t", dtype="U8", shape=[2])),
        lambda w: (w.begin_file("a"), w.write_tensor(b"abc", name="t", dtype="U9", shape=[3])),
        lambda w: (w.begin_file("a"), w.write_tensor(b"abc", name="t", dtype="U8", shape=[-3])),
        lambda w: (w.begin_file("a"), w.write_tensor(b"abc", name="t")),
        lambda w: (w.begin_safetensors("a", {"t": ("U8", [1])}), w.end_file()),
        lambda w: w.begin_safetensors("a", {"__metadata__": ("U8", [1])}), lambda w: w.begin_bytes(-1),
    ):
        with pytest.raises(bbz.Error):
            misuse(bbz.Writer(tmp_path / "w.bbz"))
    for misuse in (lambda w: w.write(3), lambda w: w.begin_file(3), lambda w: w.write("text")):
        with pytest.raises((TypeError, AttributeError)):
            writer = bbz.Writer(tmp_path / "w.bbz")
            writer.begin_file("a")
            misuse(writer)
    with pytest.raises(TypeError):
        bbz.Writer(3)
    with pytest.raises(bbz.NotFoundError):
        bbz.Writer(tmp_path / "absent" / "w.bbz")
    assert os.listdir(tmp_path) == []
