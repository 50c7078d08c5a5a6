from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CallSummary",
    "Engine",
    "NativeResult",
    "Plan",
    "Rank",
    "command_line",
    "instruction_sets",
    "panic_on_purpose",
    "read_config",
    "version",
]

# Labels and rows of the candidates, the ids of anchors and candidates, and whether their gradient is wanted.
_Against = tuple[NDArray[np.int64], NDArray[Any], tuple[NDArray[np.int64], NDArray[np.int64]] | None, bool]

instruction_sets: list[str]
version: str

@final
class Plan:
    """A loss and a backend, parsed once."""

    def __new__(
        cls,
        *,
        margin: float,
        distance: str,
        rule: str,
        reduction: str,
        backend: str,
        threads: int | None,
        isa: str | None,
        require_positives: bool,
    ) -> Plan: ...
    @property
    def distance(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def reduction(self) -> str: ...
    @property
    def margin(self) -> float: ...

@final
class Rank:
    """One rank of several, which exchange bytes through an object of Python."""

    def __new__(cls, exchange: Any, rank: int, ranks: int) -> Rank: ...
    def evaluate(
        self,
        engine: Engine,
        plan: Plan,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        gradient: bool = True,
    ) -> NativeResult:
        """The loss of all ranks' rows, and on request the gradient to this rank's own `[B_r, D]`."""

    def gather(
        self,
        plan: Plan,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None,
        marks: NDArray[np.bool_] | None,
        kind: str,
        digest: int,
        gradient: bool,
    ) -> tuple[
        NDArray[Any],
        NDArray[np.int64],
        NDArray[np.float64] | None,
        NDArray[np.bool_] | None,
        list[int],
        bool,
    ]:
        """Embeddings, labels, weights and marks of all ranks, and where each rank's start, and the end."""

    def evaluate_gathered(
        self,
        engine: Engine,
        plan: Plan,
        all: tuple[Any, ...],
        gradient: bool = True,
        against: _Against | None = None,
    ) -> NativeResult:
        """The loss of rows that `gather` gave, against each other or against what all ranks have."""

    def stop(self, plan: Plan, all: tuple[Any, ...], against: bool) -> None:
        """Tells the other ranks, which are about to evaluate what was gathered, that this one cannot."""

    def refuse(self, reason: str) -> None:
        """Tells the other ranks that this one cannot take part in their next call, and why."""

@final
class NativeResult:
    """Loss, gradient and counts of one batch; triplets and distances if requested."""

    @property
    def summary(self) -> CallSummary: ...
    @property
    def loss(self) -> float: ...
    @property
    def losses(self) -> NDArray[Any] | None: ...
    @property
    def gradient(self) -> NDArray[Any] | None: ...
    @property
    def candidate_gradient(self) -> NDArray[Any] | None: ...
    @property
    def triplets(
        self,
    ) -> (
        tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[Any], NDArray[Any]] | None
    ): ...
    @property
    def executed(self) -> tuple[str, str, int]: ...

@final
class CallSummary:
    """Counts and distances of one batch."""

    @property
    def statistics(self) -> tuple[int, int, int, int, int]: ...
    @property
    def distances(self) -> tuple[NDArray[Any], NDArray[Any]] | None: ...

@final
class Engine:
    """The workspaces of a process, by backend."""

    memory: int | None
    def __new__(cls) -> Engine: ...
    def evaluate(
        self,
        plan: Plan,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        gradient: bool = True,
        triplets: bool = False,
        distances: int = 0,
        against: _Against | None = None,
    ) -> NativeResult: ...
    def vjp(
        self,
        plan: Plan,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None,
        upstream: NDArray[np.float64],
        against: _Against | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any] | None]: ...
    def retrieve(
        self,
        plan: Plan,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        reference_labels: NDArray[np.int64] | None,
        references: NDArray[Any] | None,
        depths: list[int],
        ids: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
        centre: bool,
    ) -> tuple[int, list[tuple[int, float]], float, float, float]: ...
    def nearest(
        self,
        plan: Plan,
        queries: NDArray[Any],
        candidates: NDArray[Any],
        keep: int,
        least: NDArray[np.float64] | None = None,
        most: float | None = None,
        excluded: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
        memory: int | None = None,
        watch: Any = None,
    ) -> tuple[NDArray[np.int64], NDArray[Any]]: ...
    def pair_distances(
        self,
        plan: Plan,
        queries: NDArray[Any],
        candidates: NDArray[Any],
        pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> NDArray[Any]: ...
    def rust_seconds(
        self, plan: Plan, labels: NDArray[np.int64], embeddings: NDArray[np.float32], calls: int
    ) -> list[float]: ...
    def clear(self) -> None: ...

def read_config(
    json: str, from_0_10: bool
) -> tuple[float, str, str, str | None, bool | None, bool | None, str | None]: ...
def command_line(program: list[str], arguments: list[str]) -> int: ...
def panic_on_purpose() -> None: ...
