"""Which calls are kept: evenly over the whole training, never more files or bytes than asked for."""

import threading
import warnings
from pathlib import Path
from typing import Any

from reference.oracle.recorder.call import SUFFIX, Call, as_bytes
from reference.oracle.recorder.files import write
from reference.oracle.recorder.held import NotHeld


class Keeper:
    """A folder of calls. Whatever goes wrong in it ends the recording with one warning, never the training."""

    def __init__(self, folder: Path, every: int, limit: int, most: int):
        self.folder, self.every, self.limit, self.most = folder, every, limit, most
        self.step: int | None = None
        self.open = True
        self._calls = 0
        self._sizes: dict[int, tuple[Path, int]] = {}
        self._lock = threading.RLock()

    def wanted(self) -> int | None:
        """Count a call; its number, where it is to be kept."""
        with self._lock:
            number = self._calls
            self._calls += self.open
            return number if self.open and number % self.every == 0 else None

    def keep(self, call: Call) -> None:
        """Write a call; where the folder is full, every second one makes room."""
        with self._lock:
            if not self.open:
                return
            try:
                raw = as_bytes(call)
                if len(raw) > self.most:
                    raise NotHeld(f"one call takes {len(raw)} bytes, more than bytes={self.most}")
                if self._has_room(call.number, len(raw)):
                    path = self.folder / call.file
                    write(path, raw)
                    self._sizes[call.number] = (path, len(raw))
            except Exception as error:
                self.stop(error)

    def _has_room(self, number: int, size: int) -> bool:
        """Whether there is room for a call, after others have made some; it may be the one that makes room."""
        while number % self.every == 0:
            if len(self._sizes) < self.limit and sum(one for _, one in self._sizes.values()) + size <= self.most:
                return True
            self.every *= 2
            for other in [one for one in self._sizes if one % self.every]:
                self._sizes.pop(other)[0].unlink(missing_ok=True)
        return False

    def end(self, target: str) -> None:
        """End the recording, and say so where there was nothing to record."""
        if self.open and not self._calls:
            why = (
                "only calls that are differentiated count, and those of a Function inside of torch.compile are not seen"
            )
            what = f"oracle.record: no call of {target} was recorded: {why} (TORCH_COMPILE_DISABLE=1 leaves it out)"
            warnings.warn(what, RuntimeWarning, stacklevel=3)
        self.open = False

    def stop(self, error: Exception) -> None:
        """End the recording, and say once why."""
        if self.open:
            self.open = False
            why = str(error) if isinstance(error, NotHeld) else f"{type(error).__name__}: {error}"
            kept = f"{len(self._sizes)} calls are in {self.folder}"
            message = f"oracle.record: recording stops and the training goes on; {kept}. {why}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)


def keeper_of(folder: Any, every: Any, limit: Any, most: Any) -> Keeper:
    """The keeper of a folder that holds no recording yet; it is made where it is missing.

    Raises:
        ValueError, TypeError: a number below 1, or a folder with recordings in it.
        OSError: the folder cannot be made.
    """
    for name, value in {"every": every, "limit": limit, "bytes": most}.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"oracle.record: {name} must be a whole number; got {name}={value!r}")
        if value < 1:
            raise ValueError(f"oracle.record: {name} must be at least 1; got {name}={value}")
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise ValueError(f"oracle.record: folder must be a folder; got the file {path}")
    path.mkdir(parents=True, exist_ok=True)
    if any(path.glob(f"*{SUFFIX}")):
        raise ValueError(f"oracle.record: folder must hold no earlier recording; got {path}")
    return Keeper(path, every, limit, most)
