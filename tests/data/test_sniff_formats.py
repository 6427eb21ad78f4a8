"""What the first masks say about their encoding."""

from __future__ import annotations

import numpy as np

from segmetrics.sniff import guess_masks


def test_many_16_bit_values_are_objects(save):
    ids = np.arange(100, dtype=np.uint16).reshape(10, 10)
    assert guess_masks([save("a.png", ids)]).encoding == "instances"
    assert guess_masks([save("b.png", ids // 40)]).encoding == "labels"
    assert guess_masks([save("c.png", ids.astype(np.uint8))]).encoding == "labels"


def test_arrays_are_read(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([[0, 1], [2, 255]]))
    guess = guess_masks([path])
    assert (guess.encoding, guess.ignore) == ("labels", (255,))
    assert dict(guess.classes) == {"background": 0, "class_1": 1, "class_2": 2}
