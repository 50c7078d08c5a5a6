"""The settings of a loss as attributes of its module; unknown attributes are refused."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from inspect import getattr_static
from typing import Any

import torch

from .._arguments import flag
from .._loss import Loss
from .._margin import as_margin, is_schedule

# Attributes that torch.ao.quantization sets on every module of a model.
_SET_BY_TORCH = ("qconfig", "activation_post_process")


class LossModule(torch.nn.Module):
    """A module whose settings are those of a `Loss`.

    Setting an attribute affects the next call. Unknown names are refused, so that a misspelt setting
    is an error. Subclasses may define other attributes, but must not override a setting.
    """

    _loss: Loss
    # True in the body of this package's own classes. Subclasses, in whose bodies it is missing, may
    # have any attribute.
    _strict = False
    device_transfer: bool = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.__dict__.get("_strict"):
            _refuse_settings_of_the_class(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "device_transfer":
            value = flag(value, name)
        defined = getattr(type(self), name, None)
        if isinstance(defined, property):
            if defined.fset is None:
                raise AttributeError(
                    f"{name} of a {type(self).__name__} cannot be set: {_FIXED.get(name, 'it is only read')}"
                )
            object.__setattr__(self, name, value)  # not to be registered as a parameter or submodule
        elif name.startswith("_") or self._accepts(name):
            super().__setattr__(name, value)
        else:
            close = get_close_matches(name, self._settable(), 1)
            guess = f" (did you mean {close[0]!r}?)" if close else ""
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}{guess}: what can be set is "
                f"{', '.join(self._settable())}; a subclass may have attributes of its own"
            )

    def _accepts(self, name: str) -> bool:
        return not type(self).__dict__.get("_strict") or name in _SET_BY_TORCH or hasattr(self, name)

    def _settable(self) -> list[str]:
        found = {
            name for kind in type(self).__mro__ for name, value in vars(kind).items() if _is_settable(value)
        }
        return sorted({*found, "device_transfer"})

    @property
    def margin(self) -> Any:
        """Margin of the hinge, as it was given; its value is read at every call.

        A number; an array or tensor without dimensions, which may be changed in place; or a
        function of no arguments, called at every call of the loss: a schedule. It is not part of
        the state dict.
        """
        return self._loss.settings.margin

    @margin.setter
    def margin(self, margin: Any) -> None:
        self._loss = self._loss.replace(margin=margin)

    @property
    def distance(self) -> str:
        """``squared-l2``, ``l2`` or ``angular``."""
        return self._loss.settings.distance

    @distance.setter
    def distance(self, distance: str) -> None:
        self._loss = self._loss.replace(distance=distance)

    @property
    def rule(self) -> str:
        """How negatives are chosen: ``semi-hard``, ``semi-hard-literal``, ``hard`` or ``hard-soft``."""
        return self._loss.settings.rule

    @property
    def reduction(self) -> str:
        """``mean``, ``sum`` or ``none``."""
        return self._loss.settings.reduction

    @reduction.setter
    def reduction(self, reduction: str) -> None:
        self._loss = self._loss.replace(reduction=reduction)

    @property
    def backend(self) -> str:
        """``auto``, ``par``, ``openmp``, ``simd``, ``scalar`` or ``gram``."""
        return self._loss.settings.backend

    @backend.setter
    def backend(self, backend: str) -> None:
        self._loss = self._loss.replace(backend=backend)

    @property
    def threads(self) -> int | None:
        """At most so many; None for one a core."""
        return self._loss.settings.threads

    @threads.setter
    def threads(self, threads: int | None) -> None:
        self._loss = self._loss.replace(threads=threads)

    @property
    def require_positives(self) -> bool:
        """Whether a batch without a positive pair is an error."""
        return self._loss.settings.require_positives

    @require_positives.setter
    def require_positives(self, require_positives: bool) -> None:
        self._loss = self._loss.replace(require_positives=require_positives)


def _refuse_settings_of_the_class(kind: type[LossModule]) -> None:
    """Refuses a class attribute that overrides a setting, in a subclass or a mixin: no call reads it."""
    own = next((base for base in kind.__mro__ if base.__dict__.get("_strict")), LossModule)
    settings = {name for base in own.__mro__ for name in vars(base) if _is_setting(own, name)}
    for name in sorted(settings):
        if getattr_static(kind, name) is not getattr_static(own, name):
            how = "the constructor has the option" if name == "rule" else f"self.{name} = ... sets it later"
            raise TypeError(
                f"{kind.__name__} defines {name!r}, a setting of {own.__name__} which is not read from the "
                f"class: pass it to super().__init__(...); {how}"
            )


def _is_setting(own: type[LossModule], name: str) -> bool:
    value = getattr_static(own, name)
    return name in ("device_transfer", "rule") or _is_settable(value)


_FIXED = {
    "rule": "construct a loss of the class, with the option, that has the rule",
    "statistics": "it tells what the last call counted",
    "distances": "they are those of the last call",
}


def _is_settable(value: Any) -> bool:
    return isinstance(value, property) and value.fset is not None


def rule_flag(rule_of: Callable[[Any], str], doc: str) -> property:
    """A boolean attribute that selects between two rules."""

    def read(self: LossModule) -> bool:
        return self._loss.settings.rule == rule_of(True)

    def write(self: LossModule, value: bool) -> None:
        self._loss = self._loss.replace(rule=rule_of(value))

    return property(read, write, doc=doc)


def margin_repr(margin: Any) -> str:
    """A margin for the representation of a loss."""
    if isinstance(margin, float):
        return f"{margin:g}"
    name = getattr(margin, "__name__", type(margin).__name__)
    return f"{name}()" if is_schedule(margin) else f"{name}({as_margin(margin):g})"
