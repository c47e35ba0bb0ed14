"""Compares what the reader of torch files gives with what torch.load gives.

Usage: torch_test.py DUMP DATA. DUMP is the program of dump.cc; files in DATA/torch are compared
too, if there are any.
"""
import argparse
import collections
import copy
import dataclasses
import datetime
import enum
import inspect
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile

import numpy as np
import torch

DTYPES = {'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16,
          'I64': torch.int64, 'I32': torch.int32, 'I16': torch.int16, 'I8': torch.int8,
          'U8': torch.uint8, 'BOOL': torch.bool, 'C64': torch.complex64}

# The class had another name before.
STORAGE = getattr(torch.storage, 'TypedStorage', None) or torch.storage._TypedStorage


class Net(torch.nn.Module):
    """The class of the modules in DATA/torch."""


class Deep(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(5, 5) for _ in range(2))
        self.norm = torch.nn.BatchNorm1d(5)
        self.same = self.layers[0]
        self.table = torch.nn.Embedding(7, 5)
        self.head = torch.nn.Linear(5, 7, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.norm(self.layers[1](self.layers[0](x))))


@dataclasses.dataclass
class Record:
    weight: torch.Tensor
    step: int = 0


class Slots:
    __slots__ = ('a', 'b')


Pair = collections.namedtuple('Pair', 'left right')


class Colour(enum.Enum):
    RED = 1


def add_tensor(path, t, out):
    if isinstance(t, torch.nn.Parameter):
        t = t.data
    if t.layout == torch.sparse_coo:
        add_tensor(path + '.indices', t._indices(), out)
        add_tensor(path + '.values', t._values(), out)
        return
    if t.layout == torch.sparse_csr:
        add_tensor(path + '.compressed_indices', t.crow_indices(), out)
        add_tensor(path + '.plain_indices', t.col_indices(), out)
        add_tensor(path + '.values', t.values(), out)
        return
    if t.is_quantized:
        if t.qscheme() == torch.per_channel_affine:
            add_tensor(path + '.scales', t.q_per_channel_scales(), out)
            add_tensor(path + '.zero_points', t.q_per_channel_zero_points(), out)
        t = t.int_repr()
    if t.is_conj():
        path, t = path + ':conj', t.conj().resolve_conj()
    if t.is_neg():
        path, t = path + ':neg', torch._neg_view(t).resolve_neg()
    if t.dtype == torch.complex128:
        t = torch.view_as_real(t)
    assert path not in out, path
    out[path or 'tensor'] = t


def key_text(key, place):
    if isinstance(key, tuple):
        return '(' + ','.join(key_text(k, 0) for k in key) + ')'
    return str(key) if isinstance(key, (str, int)) else str(place)


def walk(path, value, out):
    def below(name):
        return path + '.' + name if path else name
    if isinstance(value, torch.Tensor):
        add_tensor(path, value, out)
    elif isinstance(value, STORAGE):
        add_tensor(path, torch.empty(0, dtype=value.dtype).set_(value), out)
    elif isinstance(value, torch.nn.Module):
        for name, tensor in value.state_dict().items():
            add_tensor(below(name), tensor, out)
    elif isinstance(value, dict):
        for place, (key, item) in enumerate(value.items()):
            walk(below(key_text(key, place)), item, out)
            if isinstance(key, torch.Tensor):
                walk(below(str(place)), key, out)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for place, item in enumerate(value):
            walk(below(str(place)), item, out)
    elif isinstance(value, torch.optim.Optimizer):
        walk(path, value.__getstate__(), out)
    elif isinstance(value, Slots):
        walk(path, {'a': value.a, 'b': value.b}, out)
    elif hasattr(value, '__dict__') and not isinstance(value, (type, enum.Enum)):
        walk(path, vars(value), out)


def dumped(dump, path):
    found = subprocess.run([dump, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if found.returncode != 0:
        raise AssertionError(path + ': ' + found.stderr.decode())
    data, at, tensors = found.stdout, 0, {}
    while at < len(data):
        end = data.index(b'\n', at)
        name, dtype, shape, size = data[at:end].decode().split('\t')
        at = end + 1 + int(size)
        assert name not in tensors, name
        tensors[name] = (dtype, [int(n) for n in shape.split()], data[end + 1:at])
    return tensors


def compare(dump, path, value=None):
    """Compares the file with `value`, or with what torch.load makes of it."""
    if value is None:
        value = torch.load(path, map_location='cpu')
    expected = {}
    walk('', value, expected)
    found = dumped(dump, path)
    what = os.path.basename(path)
    assert sorted(found) == sorted(expected), (what, sorted(found), sorted(expected))
    for name, tensor in expected.items():
        dtype, shape, data = found[name]
        assert DTYPES[dtype] == tensor.dtype and shape == list(tensor.shape), (what, name, dtype)
        values = torch.frombuffer(bytearray(data), dtype=tensor.dtype) if data else tensor
        same = tensor.contiguous().flatten().view(torch.uint8 if data else tensor.dtype)
        assert not data or torch.equal(values.view(torch.uint8), same), (what, name)
    print(f'{what}: {len(expected)} tensors')
    return len(expected)


def check_same(one, other, where):
    """Checks that two objects of torch.load are the same, tensors contiguous in the second."""
    assert type(one) is type(other), (where, type(one), type(other))
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and one.shape == other.shape, where
        assert other.is_contiguous() and other.storage_offset() == 0, where
        assert other.storage().size() == other.numel(), where
        assert torch.equal(one.contiguous().flatten().view(torch.uint8) if one.numel() else one,
                           other.flatten().view(torch.uint8) if one.numel() else other), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            check_same(one[key], other[key], where + (key,))
        if hasattr(one, '__dict__'):
            check_same(vars(one), vars(other), where + ('__dict__',))
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for place, pair in enumerate(zip(one, other)):
            check_same(*pair, where + (place,))
    else:
        assert one == other, (where, one, other)


def loads_safely(path):
    """Returns whether torch loads the file as weights only. Torch 1.13 knows no floats then."""
    if 'weights_only' not in inspect.signature(torch.load).parameters:
        return False
    try:
        torch.load(path, weights_only=True)
    except pickle.UnpicklingError:
        return False
    return True


def rewritten(dump, path):
    """Writes the file anew and loads it, and returns whether it can be written."""
    out = path + '.rewritten'
    found = subprocess.run([dump, path, out], stderr=subprocess.PIPE, check=False)
    if found.returncode == 3:
        return False
    assert found.returncode == 0, found.stderr
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None, path
    expected = torch.load(path, map_location='cpu')
    check_same(expected, torch.load(out), (os.path.basename(path),))
    if loads_safely(path):
        check_same(expected, torch.load(out, weights_only=True), (os.path.basename(path),))
    os.remove(out)
    return True


def objects():
    """Yields names and objects to save."""
    torch.manual_seed(1)
    w = torch.randn(6, 4)
    yield 'alone', w
    yield 'dtypes', {str(d): torch.arange(6).to(d) for d in
                     (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16,
                      torch.bfloat16, torch.float32, torch.float64, torch.bool, torch.complex64,
                      torch.complex128)}
    slots = Slots()
    slots.a, slots.b = w[0], 1
    yield 'objects', {
        'args': argparse.Namespace(lr=1e-3, weight=w), 'scalar': np.float64(1.5),
        'array': np.arange(5), 'set': {1, 2}, 'frozen': frozenset([3]), 'when': datetime.datetime.now(),
        'default': collections.defaultdict(list, {'x': [w, 1, w[1]]}), 'pair': Pair(w, 2),
        'record': Record(w[2]), 'slots': slots, 'enum': Colour.RED, 'big': 1 << 100, 'none': None,
        'bytes': b'\xff\x00', 'text': 'line\nbreak \\ é 😀', 'device': torch.device('cpu'),
        'size': w.shape, 'dtype': torch.float16, ('a', 1): w[3], 7: w[4], 'float': 1e300,
        'generator': torch.get_rng_state(), 'complex': 1 + 2j, 'slice': slice(1, 2)}
    yield 'views', {'turned': w.t(), 'slice': w[1:, 2:], 'every': w[::2], 'scalar': w[0, 0],
                    'empty': w[:0], 'expanded': w[:, :1].expand(6, 9), 'flat': w.flatten(),
                    'last': torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)}
    yield 'bits', {'conj': torch.randn(3, dtype=torch.complex64).conj(),
                   'double': torch.randn(3, dtype=torch.complex128).conj(),
                   'neg': torch.randn(3, dtype=torch.complex64).conj().imag}
    yield 'sparse', {'coo': torch.eye(5).to_sparse(), 'csr': torch.eye(5).to_sparse_csr()}
    yield 'quantised', {
        'tensor': torch.quantize_per_tensor(w, 0.1, 3, torch.qint8),
        'turned': torch.quantize_per_tensor(w, 0.1, 3, torch.quint8).t(),
        'channels': torch.quantize_per_channel(w, torch.rand(6).double() + 0.1,
                                               torch.zeros(6, dtype=torch.long), 0, torch.qint8)}
    yield 'storage', {'s': w.storage(), 'w': w}
    model = Deep()
    yield 'module', model
    yield 'module-in-list', [1, {'model': model, 'parameter': torch.nn.Parameter(w)}]
    yield 'state', model.state_dict()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(3, 5)).sum().backward()
    optimizer.step()
    yield 'optimizer-state', {'model': model.state_dict(), 'optimizer': optimizer.state_dict(),
                              'epoch': 3}
    yield 'optimizer', {'optimizer': copy.deepcopy(optimizer)}
    shared = {'w': w}
    yield 'shared', {'a': shared, 'b': shared, 'c': [shared, shared]}
    yield 'nested', {'a.b': w, 'c': {'d': {'e': {'f': [[[w[5]]]]}}}}
    many = {f'layers.{i}.weight': torch.full((3,), float(i)) for i in range(2000)}
    yield 'many', many


# Those of which nothing is lost if they are written anew.
REWRITABLE = {'alone', 'views', 'state', 'optimizer-state', 'shared', 'nested', 'many'}


def write_tar(path, tensors):
    """Writes a dict of tensors as PyTorch 0.1 did. Each has a storage of its own."""
    def member(tar, name, data):
        info = tarfile.TarInfo(name)
        info.size, info.mtime = len(data), 1483228800.123
        tar.addfile(info, io.BytesIO(data))

    class Pickler(pickle._Pickler):
        def persistent_id(self, obj):
            return str(id(obj)) if isinstance(obj, torch.Tensor) else None

    storages, views, by_key = io.BytesIO(), io.BytesIO(), {}
    pickle.dump(len(tensors), storages, protocol=2)
    pickle.dump(len(tensors), views, protocol=2)
    for number, tensor in enumerate(tensors.values()):
        by_key[id(tensor)] = tensor
        storage = tensor.storage()
        pickle.dump((number, 'cpu', type_of(tensor)), storages, protocol=2)
        data = torch.empty(0, dtype=tensor.dtype).set_(storage).numpy().tobytes()
        storages.write(struct.pack('<q', len(storage)) + data)
        pickle.dump((id(tensor), number, torch.FloatTensor), views, protocol=2)
        views.write(struct.pack('<ii', tensor.dim(), 0))
        views.write(struct.pack(f'<{2 * tensor.dim()}q', *tensor.shape, *tensor.stride()))
        views.write(struct.pack('<q', tensor.storage_offset()))
    pickle.dump([], storages, protocol=2)
    pickled = io.BytesIO()
    Pickler(pickled, 2).dump(tensors)
    system = pickle.dumps({'protocol_version': 1000, 'little_endian': True}, protocol=2)
    with tarfile.open(path, 'w', format=tarfile.PAX_FORMAT) as tar:
        for name, data in (('sys_info', system), ('pickle', pickled.getvalue()),
                           ('tensors', views.getvalue()), ('storages', storages.getvalue())):
            member(tar, name, data)


def type_of(tensor):
    return {torch.float32: torch.FloatStorage, torch.int64: torch.LongStorage,
            torch.float16: torch.HalfStorage}[tensor.dtype]


def main():
    dump, data = sys.argv[1:]
    warnings.simplefilter('ignore')
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, value in objects():
            for zipped in (True, False):
                # Not all objects can be pickled in protocol 1.
                for protocol in {'many': (2, 4), 'state': (1, 2)}.get(name, (2, 3, 4, 5)):
                    if name in ('sparse', 'bits') and not zipped and protocol != 2:
                        continue
                    kind = f'{name}-{"zip" if zipped else "legacy"}-{protocol}.pt'
                    path = os.path.join(folder, kind)
                    torch.save(value, path, pickle_protocol=protocol,
                               _use_new_zipfile_serialization=zipped)
                    count += compare(dump, path)
                    can = zipped and protocol > 1 and name in REWRITABLE
                    assert rewritten(dump, path) == can, (kind, can)
        path = os.path.join(folder, 'script.pt')
        module = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3)))
        module.save(path)
        count += compare(dump, path, dict(module.state_dict()))
        path = os.path.join(folder, '__0_0.distcp')
        tensors = [torch.randn(i + 1, 3) for i in range(5)]
        with open(path, 'wb') as file:
            for tensor in tensors:
                torch.save(tensor, file)
        count += compare(dump, path, tensors)
        path = os.path.join(folder, 'old.pth')
        write_tar(path, {'w': torch.randn(4, 3), 'turned': torch.randn(2, 5).t(),
                         'half': torch.randn(3).half(), 'n': torch.arange(4)[1:]})
        count += compare(dump, path)
        shared = os.path.join(data, 'torch')
        if os.path.isdir(shared):
            for name in sorted(os.listdir(shared)):
                count += compare(dump, os.path.join(shared, name))
                with open(os.path.join(shared, name), 'rb') as given:
                    path = os.path.join(folder, name)
                    with open(path, 'wb') as copy_of_it:
                        copy_of_it.write(given.read())
                print(f'{name}: {"written" if rewritten(dump, path) else "cannot be written"} anew')
        else:
            print('no', shared)
    print(count, 'tensors compared')
    assert count > 1000


if __name__ == '__main__':
    main()
