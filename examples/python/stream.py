#!/usr/bin/env python3
"""Lists the tensors of an archive behind a URL, or reads some rows of one, without downloading the rest.

    stream.py URL [TENSOR [FIRST [COUNT]]]
"""

import sys

import bbz


def main(url: str, name: str = "", first: str = "0", count: str = "1") -> None:
    with bbz.safe_open(url, framework="np") as f:
        if name:
            begin = int(first)
            print(f.get_slice(name)[begin : begin + int(count)])
        else:
            for each in f.offset_keys():
                view = f.get_slice(each)
                print(each, view.get_dtype(), view.get_shape())


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except bbz.Error as error:
        sys.exit(f"stream.py: {error}")
