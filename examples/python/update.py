#!/usr/bin/env python3
"""Updates weights that are in memory, as a server does that follows a training run.

    update.py BASE UPDATE.bbz...

Loads all tensors of BASE, an archive or a safetensors file, and applies the updates to them in their order, each
an archive that was packed relative to what was there before.
"""

import sys

import bbz


def main(base: str, updates: list) -> None:
    weights = bbz.numpy.load_file(base)
    for update in updates:
        # Checks that these are the weights on which the update leans, before it changes any.
        changed = bbz.apply(weights, update)
        print(f"{update}: {len(changed)} of {len(weights)} tensors changed: {', '.join(changed)}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2:])
    except bbz.Error as error:
        sys.exit(f"update.py: {error}")
