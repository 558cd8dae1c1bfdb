"""The layers of a network as a recipe lists them."""

from __future__ import annotations

import pytest

from albumsort.training.datasets import DataError
from albumsort.training.layers import Layer, parse


def test_each_kind_of_layer_is_read_and_its_weights_counted():
    lines = ["rescale", "conv 8 5", "norm", "conv 4 3 same", "max_pool 5 2", "avg_pool 2 2", "flatten"]
    layers = parse([*lines, "dense 16 l2=1e-4", "dropout 0.25"], classes=4)
    # 48 pixels: 44 after the first convolution, 44 after the padded one, 20 and 10 after the poolings.
    assert [layer.weights for layer in layers] == [0, 208, 32, 292, 0, 0, 0, 4 * 100 * 16 + 16, 0, 16 * 4 + 4]
    assert layers[3] == Layer("conv", width=4, size=3, same=True, weights=292)
    assert layers[4] == Layer("max_pool", size=5, stride=2)
    assert (layers[7].l2, layers[8].share) == (1e-4, 0.25)
    assert layers[-1].kind == "logits"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["conf 8 3"], ["layer 1", "'conf'", "conv", "max_pool"]),
        (["rescale", "conv 8"], ["layer 2", "'conv 8'", "conv WIDTH SIZE [same]"]),
        (["conv 8 3 padded"], ["conv WIDTH SIZE [same]"]),
        (["conv 0 3"], ["no number may be 0"]),
        (["flatten", "dropout 1.5"], ["layer 2", "dropout SHARE"]),
        (["flatten", "dense 8 l2=x"], ["dense WIDTH [l2=WEIGHT]"]),
        (["dense 8"], ["layer 1", "put a flatten", "48 x 48 x 1"]),
        (["flatten", "conv 8 3"], ["layer 2", "after a flatten"]),
        (["max_pool 8 8", "max_pool 5 5", "conv 8 3"], ["layer 3", "larger than the picture of 1 x 1 x 1"]),
        (["conv 8 3"], ["46 x 46 x 8", "flatten"]),
        ([], ["flatten"]),
        ([3], ["layer 1", "3"]),
    ],
)
def test_a_layer_that_makes_no_sense_is_named_with_what_would(lines, words):
    with pytest.raises(DataError) as caught:
        parse(lines, 7)
    assert [word for word in words if word not in str(caught.value)] == []
