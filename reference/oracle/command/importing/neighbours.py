"""Finding and running the modules beside a file, for it and for them; what the judge imports stays what it is."""

import ast
import contextlib
import importlib.util
import itertools
import linecache
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from reference.oracle.command.importing.fragments import complete
from reference.oracle.command.importing.places import PROTECTED, homes_of, is_ours, safe_name
from reference.oracle.command.importing.running import Run, run_module
from reference.oracle.command.importing.source import understood
from reference.oracle.reading.texts import NotPython


class Neighbours:
    """A finder for `sys.meta_path`: the modules of one repository, each run by `Tolerant`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.homes: dict[str, Path] = {}  # the folder that holds a top-level module
        self.packages: dict[str, Path] = {}  # the folder that is a package of another name
        self.original = [entry for entry in sys.path if entry]

    def learn(self, path: Path, tree: ast.AST) -> None:
        """Find out where the modules are that this file imports."""
        homes, unclear = homes_of(path, tree, self.run.root)
        self.homes = {**homes, **self.homes}
        self.run.unclear.update(unclear)

    def leads_to(self, top: str, folder: Path) -> bool:
        """Whether the package of this name can be the one in the folder."""
        if top in PROTECTED or top in sys.modules or not top.isidentifier():
            return False
        return self.homes.setdefault(top, folder.parent) == folder.parent

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module, to be run by `Tolerant` where it is the repository's; None where others find it."""
        if name in self.packages:
            return self._tolerant(_of_folder(name, self.packages[name]))
        if path is not None:
            return self._tolerant(PathFinder.find_spec(name, path, target)) or self._of_cython(name, path)
        if name in PROTECTED:
            return PathFinder.find_spec(name, self.original)
        put_in_front = list(itertools.takewhile(lambda entry: entry != self.original[0], sys.path))
        home = [str(self.homes[name])] if name in self.homes else []
        for entries in (put_in_front, home, sys.path):
            if spec := PathFinder.find_spec(name, entries, target):
                return self._tolerant(spec)
        return self._of_cython(name, home)

    def beside(self, path: Path) -> ModuleType:
        """A file of the repository as a module, whatever its name."""
        name = safe_name(f"beside_{path.stem}")
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path, loader=Tolerant(name, str(path), self))
            assert spec is not None
            assert spec.loader is not None
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    def _of_cython(self, name: str, folders: Sequence[str]) -> ModuleSpec | None:
        """The spec of a module whose source in Cython can be read as Python."""
        for path in (Path(folder, f"{name.rpartition('.')[2]}.pyx").resolve() for folder in folders):
            if path.is_file() and is_ours(path, self.run.root):
                with contextlib.suppress(NotPython, SyntaxError):
                    understood(path)
                    return importlib.util.spec_from_file_location(name, path, loader=Tolerant(name, str(path), self))
        return None

    def _tolerant(self, spec: ModuleSpec | None) -> ModuleSpec | None:
        if spec and type(spec.loader) is SourceFileLoader:
            path = Path(spec.loader.path).resolve()  # sys.path.append("..") makes a relative one
            if is_ours(path, self.run.root):
                spec.loader = Tolerant(spec.name, str(path), self)
        return spec


def _of_folder(name: str, folder: Path) -> ModuleSpec | None:
    """The spec of a package under a name that is not its folder's."""
    if (folder / "__init__.py").is_file():
        return importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec


class Tolerant(SourceFileLoader):
    """Runs a file of the repository statement by statement."""

    def __init__(self, name: str, path: str, finder: Neighbours) -> None:
        super().__init__(name, path)
        self.finder = finder

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's text; a neighbour's that is no Python 3 is an import that failed."""
        path = Path(self.path)
        try:
            source = understood(path)
        except (NotPython, SyntaxError) as error:
            said = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
            raise ImportError(f"{path.name} does not import: {said}") from error
        # What a notebook or a file in Python 2 defines has its source in what ran, not in what is on the disk.
        linecache.cache[str(path)] = (len(source.text), None, source.text.splitlines(keepends=True), str(path))
        if path.suffix == ".pyx":
            self.finder.run.say(f"{path.stem} is not built: its source {path.name} was read as Python")
        self.finder.learn(path, source.tree)
        run_module(module, source, path, self.finder.run)
        complete(module, source, path, self.finder.run, self.finder.beside)
