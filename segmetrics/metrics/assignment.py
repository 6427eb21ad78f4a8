"""Pairs of largest total weight, each object in one pair at most: a sparse assignment.

A general solver (SciPy's `min_weight_full_bipartite_matching`) looks at every object for every
object. Objects overlap their neighbours only, and where they do this one's time grows like the
number of overlaps. Where they do not (labels scattered at random), SciPy ends what it began.
"""

from __future__ import annotations

import heapq
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

Places = npt.NDArray[np.intp] | npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

_FREE = -1
# Objects looked at for each overlap before SciPy takes over; neighbourhoods take less than one.
_MOST_LOOKS = 4


def heaviest_pairs(i: Places, j: Places, weight: Values) -> npt.NDArray[np.bool_]:
    """Which of the possible pairs to take, so that their total weight is largest.

    Parameters
    ----------
    i, j
        The two objects of each possible pair, from 0, shape (N,); no pair comes twice.
    weight
        Above zero, shape (N,).

    Returns
    -------
    bool, shape (N,)
        No `i` and no `j` is taken twice. Among equal totals the same is taken in every run.

    Notes
    -----
    Pairs without competitor are taken at once. Then the ends of chains and trees are folded in:
    where `i` can have `j` only, with weight w, `j` is matched at any rate. So lower the worth of
    whatever else `j` can have by w, drop what is then worth nothing, and take (i, j) if `j` is left
    over in the end. What remains are rings, solved by shortest augmenting paths with prices
    (Kuhn 1955; Edmonds and Karp 1972), which end as soon as no partner can be nearer.
    """
    chosen: npt.NDArray[np.bool_] = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1)
    contested = np.flatnonzero(~chosen)
    if contested.size:
        _, row = np.unique(i[contested], return_inverse=True)
        _, column = np.unique(j[contested], return_inverse=True)
        solver = _Assignment(row, column + int(row.max()) + 1, weight[contested])
        chosen[contested[solver.solve()]] = True
    return chosen


def _general(i: Places, j: Places, weight: Values) -> npt.NDArray[np.bool_]:
    """`heaviest_pairs` by SciPy; every row has a column of its own for "no partner"."""
    rows, row = np.unique(i, return_inverse=True)
    columns, column = np.unique(j, return_inverse=True)
    alone = np.arange(rows.size)
    none = 2 * weight.max()  # more than any pair costs, and no cost is zero: zeros are no edges
    cost = sparse.coo_array(
        (
            np.concatenate((none - weight, np.full(rows.size, none))),
            (np.concatenate((row, alone)), np.concatenate((column, columns.size + alone))),
        ),
        shape=(rows.size, columns.size + rows.size),
    )
    _, partner = sparse.csgraph.min_weight_full_bipartite_matching(cost.tocsr())
    chosen: npt.NDArray[np.bool_] = partner[row] == column
    return chosen


class _Assignment:
    """The contested pairs as a graph: an edge has two ends, a node is an object of either side."""

    def __init__(self, row: Places, column: Places, weight: Values) -> None:
        self._rows = int(row.max()) + 1
        n = int(column.max()) + 1
        ends = np.concatenate((row, column))
        order = np.argsort(ends, kind="stable")
        starts = np.searchsorted(ends[order], np.arange(n + 1)).tolist()
        edges = (order % row.size).tolist()
        # Edges of each node, and of each edge its ends' sum: `sum - one end` is the other end.
        self._edges = [edges[a:b] for a, b in pairwise(starts)]
        self._sum: list[int] = (row + column).tolist()
        self._weight: list[float] = weight.tolist()
        self._alive = [True] * row.size
        self._partner = [_FREE] * n  # the edge that a node is matched by

    def solve(self) -> list[int]:
        """The edges that are taken."""
        folded = self._fold()
        self._augment()
        # Backwards: a folded pair is taken unless what was folded later took its second node.
        for leaf, node, edge in reversed(folded):
            if self._partner[node] == _FREE:
                self._partner[leaf] = self._partner[node] = edge
        return sorted({edge for edge in self._partner if edge != _FREE})

    def _fold(self) -> list[tuple[int, int, int]]:
        """Take leaves away, the ends of the graph first; (leaf, its only partner, edge) of each."""
        degree = [len(edges) for edges in self._edges]
        folded: list[tuple[int, int, int]] = []
        leaves = [node for node, d in enumerate(degree) if d == 1]
        while leaves:
            # Each node once a round, with its heaviest leaf: a hub of n leaves is looked at once.
            nodes = dict.fromkeys(self._only(leaf) for leaf in leaves if degree[leaf] == 1)
            leaves = []
            for node in nodes:
                edges = self._living(node)
                ends = [e for e in edges if degree[self._sum[e] - node] == 1]
                if not ends:  # as a leaf of this round it was taken already
                    continue
                best = max(ends, key=self._weight.__getitem__)
                worth = self._weight[best]
                folded.append((self._sum[best] - node, node, best))
                for edge in edges:
                    self._weight[edge] -= worth
                    if self._weight[edge] <= 0:
                        self._alive[edge] = False
                        degree[node] -= 1
                        other = self._sum[edge] - node
                        degree[other] -= 1
                        if degree[other] == 1:
                            leaves.append(other)
                if degree[node] == 1:
                    leaves.append(node)
        return folded

    def _living(self, node: int) -> list[int]:
        edges = [edge for edge in self._edges[node] if self._alive[edge]]
        self._edges[node] = edges
        return edges

    def _only(self, leaf: int) -> int:
        (edge,) = self._living(leaf)
        return self._sum[edge] - leaf

    def _augment(self) -> None:
        """Match what has no leaves."""
        price = [0.0] * len(self._edges)
        for row in range(self._rows):
            if edges := self._living(row):
                price[row] = max(map(self._weight.__getitem__, edges))
        most = _MOST_LOOKS * len(self._alive)
        for row in range(self._rows):
            if self._edges[row]:
                most -= self._match(row, price)
                if most < 0:
                    self._augment_all()
                    return

    def _augment_all(self) -> None:
        """`_augment` by SciPy, from the beginning."""
        left = [(e, row) for row in range(self._rows) for e in self._living(row)]
        edges, rows = np.array(left).T
        columns = np.array(self._sum)[edges] - rows
        self._partner = [_FREE] * len(self._partner)
        taken = _general(rows, columns, np.array(self._weight)[edges])
        for edge, row, column in zip(edges[taken], rows[taken], columns[taken], strict=True):
            self._partner[row] = self._partner[column] = int(edge)

    def _match(self, row: int, price: list[float]) -> int:
        """Give `row` a partner, or leave it or another row without: what costs the least.

        Throughout, price[row] + price[column] >= weight, with equality for matched pairs, and what
        is free has price 0: so the total is the largest. Gives the number of rows looked at.
        """
        weight, ends, partner = self._weight, self._sum, self._partner
        rows, columns = {row: 0.0}, dict[int, float]()  # visited, with the cost of getting there
        by: dict[int, int] = {}  # the edge that each visited column was reached by
        heap: list[tuple[float, int, int]] = []
        here, away = row, 0.0
        cost, end, last = price[row], row, _FREE  # the best so far: `row` stays without
        while True:
            for edge in self._living(here):
                column = ends[edge] - here
                step = away + max(0.0, price[here] + price[column] - weight[edge])
                if step >= cost or column in columns:
                    continue
                if partner[column] == _FREE:
                    cost, end, last = step, column, edge
                else:
                    heapq.heappush(heap, (step, column, edge))
            while heap and heap[0][1] in columns:
                heapq.heappop(heap)
            if not heap or heap[0][0] >= cost:
                break
            away, column, by_edge = heapq.heappop(heap)
            columns[column], by[column] = away, by_edge
            here = ends[partner[column]] - column
            rows[here] = away
            if away + price[here] < cost:
                cost, end, last = away + price[here], here, _FREE
        for node, at in rows.items():
            price[node] -= cost - at
        for node, at in columns.items():
            price[node] += cost - at
        self._flip(row, end, last, by)
        return len(rows)

    def _flip(self, row: int, end: int, last: int, by: dict[int, int]) -> None:
        """Exchange taken and free edges on the way from `row` to `end`, walking back."""
        if last == _FREE:
            last = self._partner[end]
            self._partner[end] = _FREE
            if end == row:
                return
            end = self._sum[last] - end
            last = by[end]
        while True:
            here = self._sum[last] - end
            before = self._partner[here]
            self._partner[here] = self._partner[end] = last
            if here == row:
                return
            end = self._sum[before] - here
            last = by[end]
