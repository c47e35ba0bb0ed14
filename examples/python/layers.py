#!/usr/bin/env python3
"""Goes through a model layer by layer in torch, in the memory of two layers.

    layers.py MODEL.bbz
"""

import sys

import torch

import bbz


def main(path: str) -> None:
    with bbz.Archive(path) as archive:
        for layer in archive.iter_layers("pt", prefetch=1):
            place = "no layer" if layer.number is None else f"layer {layer.number}"
            weights = [tensor.float() for tensor in layer.tensors.values() if tensor.is_floating_point()]
            norm = torch.stack([weight.norm() for weight in weights]).norm() if weights else torch.zeros(())
            print(f"{place}: {len(layer.tensors)} tensors, norm {norm:.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except bbz.Error as error:
        sys.exit(f"layers.py: {error}")
