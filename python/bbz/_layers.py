"""Goes through a model in the order in which its layers are used, and reads ahead."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from bbz._contents import Contents, Tensor
from bbz._loading import load_tensors

#: The number of a layer, or None, and its tensors.
Plan = List[Tuple[Optional[int], List[Tensor]]]


class Layer(NamedTuple):
    """The tensors of one layer.

    Attributes:
        number: the number of the layer, or None for tensors of no layer.
        tensors: arrays of numpy or tensors of torch, by name.
    """

    number: Optional[int]
    tensors: Dict[str, Any]


def _is_input(name: str) -> bool:
    parts = name.replace("/", ".").split(".")
    return any(
        part in ("wte", "wpe", "shared") or (("embed" in part or "embd" in part) and part != "embed_out")
        for part in parts
    )


def plan_layers(tensors: Sequence[Tensor]) -> Plan:
    """Returns the tensors before the first layer, those of each layer, and those after the last."""
    layers: Dict[int, List[Tensor]] = {}
    before: List[Tensor] = []
    after: List[Tensor] = []
    for tensor in tensors:
        if tensor.layer is not None:
            layers.setdefault(tensor.layer, []).append(tensor)
        else:
            (before if _is_input(tensor.name) else after).append(tensor)
    plan: Plan = [(None, before), *((number, layers[number]) for number in sorted(layers)), (None, after)]
    return [each for each in plan if each[1]]


def go_through(contents: Contents, plan: Plan, framework: Any, prefetch: int) -> Iterator[Layer]:
    """Loads the layers of a plan one after the other, with `prefetch` of them read ahead on a thread."""
    if prefetch == 0:
        for number, tensors in plan:
            yield Layer(number, load_tensors(contents, tensors, framework))
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="bbz")
    coming: List[Tuple[Optional[int], "Future[Dict[str, Any]]"]] = []
    waiting = list(reversed(plan))

    def read_ahead(count: int) -> None:
        while waiting and len(coming) < count:
            number, tensors = waiting.pop()
            coming.append((number, pool.submit(load_tensors, contents, tensors, framework)))

    try:
        read_ahead(prefetch)
        while coming:
            number, future = coming.pop(0)
            loaded = future.result()
            del future
            read_ahead(prefetch)  # while the caller uses this layer
            layer = Layer(number, loaded)
            del loaded
            yield layer
            del layer
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
