"""Which names of the namespace a piece of source binds, reads and deletes. Parses, never runs.

Scopes are Python's own: parameters and locals of functions, lambdas and comprehensions are not
names
of the namespace. A name that a cell certainly binds before it looks at it is bound, not read.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SHELL_LINE = re.compile(r"^(\s*)(?:(\w[\w, ]*)\s*=\s*)?([%!?].*|\S+\?{1,2})$")
_MAGIC_CALLS = ("run_line_magic", "run_cell_magic")
_PYTHON_MAGICS = frozenset(
    (
        "time",
        "timeit",
        "prun",
        "lprun",
        "memit",
        "mprun",
        "capture",
        "debug",
        "snapshot",
        "pyinstrument",
    )
)
"""Magics whose line or body is Python. What others take is not looked at."""


@dataclass
class Names:
    """What a source does with the names of its namespace.

    Attributes
    ----------
    bound : dict
        Names it binds, in order of first binding.
    imported : set
        Those of ``bound`` that an import binds.
    deleted : set
        Names it deletes.
    reads : dict
        Names whose value from before it may look at, in order.
    used : set
        All names that it looks at, including those that it bound itself.
    certain : set
        Names that it binds in any case, unless it fails.
    deferred : set
        Names that functions defined here look at when they are called, after this source.
    attributes : set
        Names of attributes and methods used, by which functions of the namespace may be reached.
    parsed : bool
        False when the source could not be parsed.
    """

    bound: dict[str, None] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    reads: dict[str, None] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    certain: set[str] = field(default_factory=set)
    deferred: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    parsed: bool = True


def without_shell_syntax(source: str) -> str:
    """Return the source with the lines that only IPython understands replaced by their Python part.

    ``files = !ls`` keeps its binding; ``%time x = f()`` keeps ``x = f()``; ``!ls`` becomes
    ``pass``.
    """
    lines = source.splitlines()
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is not None and lines[first].lstrip().startswith("%%"):
        words = lines[first].lstrip()[2:].split()
        if not words or words[0] not in _PYTHON_MAGICS:
            return "pass" + "\n" * (len(lines) - 1)
        lines[first] = "pass"
    made = []
    for line in lines:
        match = _SHELL_LINE.match(line)
        if match is None or _is_python(line):
            made.append(line)
            continue
        indent, target, rest = match[1], match[2], match[3]
        if target:
            made.append(f"{indent}{target.strip()} = None")
        elif rest.startswith("%") and rest[1:].partition(" ")[0] in _PYTHON_MAGICS:
            made.append(indent + (_inner(rest[1:].partition(" ")[2]) or "pass"))
        else:
            made.append(f"{indent}pass")
    return "\n".join(made)


def _is_python(line: str) -> bool:
    try:
        ast.parse(line.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _inner(text: str) -> str:
    """Return the Python part of a magic's line: ``x = f()`` of ``-n 3 x = f()``."""
    while text:
        if _is_python(text):
            return text.strip()
        text = text.lstrip().partition(" ")[2]
    return ""


def analyse(source: str) -> Names:
    """Return what a source does with names. IPython's syntax is understood; never raises."""
    names = Names()
    tree = _parse(source)
    if tree is None:
        tree = _parse(without_shell_syntax(source))
    if tree is None:
        names.parsed = False
        return names
    walker = _Walker(names)
    try:
        walker.body(tree.body, certain=True)
        walker.later()
        names.certain = walker.certain
    except RecursionError:
        names.parsed = False
    return names


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Walker:
    """Walks the statements of a cell in order."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.certain: set[str] = set()
        self._deferred: list[tuple[str, set[str]]] = []

    # --- statements ----------------------------------------------------------------------------

    def body(self, statements: list[ast.stmt], certain: bool) -> None:
        for statement in statements:
            self.statement(statement, certain)

    def statement(self, node: ast.stmt, certain: bool) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._definition(node, certain)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                if name != "*":
                    self.names.imported.add(name)
                    self._bind(name, certain)
        elif isinstance(node, (ast.If, ast.While, ast.For, ast.AsyncFor, ast.Try, ast.Match)) or (
            type(node).__name__ == "TryStar"
        ):
            self._branches(node)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self.expression(item.context_expr)
                if item.optional_vars is not None:
                    self._target(item.optional_vars, certain)
            self.body(node.body, certain)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.names.deleted.add(target.id)
                    self.names.bound.pop(target.id, None)
                    self.certain.discard(target.id)
                else:
                    self.expression(target)
        elif isinstance(node, ast.Assign):
            self.expression(node.value)
            for target in node.targets:
                self._target(target, certain)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name):
                self._read(node.target.id)
            self.expression(node.value)
            self._target(node.target, certain)
        elif isinstance(node, ast.AnnAssign):
            self.expression(node.annotation)
            if node.value is not None:
                self.expression(node.value)
                self._target(node.target, certain)
        else:
            for child in ast.iter_child_nodes(node):
                self.expression(child)

    def _branches(self, node: ast.stmt) -> None:
        """Walk a branch or loop: it may not run, so what it binds is not certain afterwards."""
        for part in (getattr(node, name, None) for name in ("test", "iter", "subject")):
            if part is not None:
                self.expression(part)
        for name in ("body", "handlers", "cases", "orelse", "finalbody"):
            before = set(self.certain)
            if name == "body" and hasattr(node, "target"):
                self._target(node.target, certain=True)
            for part in getattr(node, name, ()):
                if isinstance(part, ast.stmt):
                    self.statement(part, certain=True)
                else:
                    self._case(part)
            self.certain = before

    def _case(self, part: ast.ExceptHandler | ast.match_case) -> None:
        if isinstance(part, ast.ExceptHandler):
            if part.type is not None:
                self.expression(part.type)
        else:
            for sub in ast.walk(part.pattern):
                name = getattr(sub, "name", None) or getattr(sub, "rest", None)
                if isinstance(name, str):
                    self._bind(name, certain=True)
                elif isinstance(sub, (ast.MatchValue, ast.MatchClass)):
                    self.expression(sub.value if isinstance(sub, ast.MatchValue) else sub.cls)
            if part.guard is not None:
                self.expression(part.guard)
        self.body(part.body, certain=True)

    def _definition(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, certain: bool
    ) -> None:
        for decorator in node.decorator_list:
            self.expression(decorator)
        if isinstance(node, ast.ClassDef):
            for part in [*node.bases, *(keyword.value for keyword in node.keywords)]:
                self.expression(part)
            inner = _Scope(of_class=True)
            inner.statements(node.body)
            self._adopt(inner, now=True)
        else:
            for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
                self.expression(default)
            self._adopt(_Scope.of(node), owner=node.name)
        self._bind(node.name, certain)

    # --- expressions ---------------------------------------------------------------------------

    def expression(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self._read(node.id)
            else:
                self._target(node, certain=False)
        elif isinstance(node, ast.NamedExpr):
            self.expression(node.value)
            self._target(node.target, certain=False)
        elif isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS)):
            self._adopt(_Scope.of(node), now=not isinstance(node, ast.Lambda))
        else:
            if isinstance(node, ast.Attribute):
                self.names.attributes.add(node.attr)
            if isinstance(node, ast.Call):
                self._magic(node)
            for child in ast.iter_child_nodes(node):
                self.expression(child)

    def _magic(self, node: ast.Call) -> None:
        """Look into a transformed magic, which carries Python as text."""
        if not (isinstance(node.func, ast.Attribute) and node.func.attr in _MAGIC_CALLS):
            return
        first = node.args[0] if node.args else None
        if not (isinstance(first, ast.Constant) and first.value in _PYTHON_MAGICS):
            return
        texts = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
        for text in texts:
            if isinstance(text, str) and text.strip():
                tree = _parse(without_shell_syntax(text)) or _parse(_inner(text))
                if tree is not None:
                    self.body(tree.body, certain=False)

    def _target(self, node: ast.AST, certain: bool) -> None:
        if isinstance(node, ast.Name):
            self._bind(node.id, certain)
        elif isinstance(node, (ast.Tuple, ast.List)):
            for part in node.elts:
                self._target(part, certain)
        elif isinstance(node, ast.Starred):
            self._target(node.value, certain)
        else:
            self.expression(node)  # a.b = ..., a[i] = ...: looks at a

    def _adopt(self, scope: _Scope, now: bool = False, owner: str = "") -> None:
        self.names.attributes |= scope.attributes
        for name in scope.global_stores:
            self._bind(name, certain=False)
        if now:
            for name in sorted(scope.free):
                self._read(name)
        else:
            # A function's body looks at names when it is called, perhaps after the cell bound them.
            self._deferred.append((owner, scope.free))

    def later(self) -> None:
        """Read what functions of the cell look at, if the cell uses them."""
        todo = list(self._deferred)
        for _, free in todo:
            self.names.deferred |= free
        grown = True
        while grown:
            grown = False
            for owner, free in list(todo):
                if not owner or owner in self.names.used:
                    todo.remove((owner, free))
                    grown = True
                    for name in sorted(free):
                        self._read(name)

    def _bind(self, name: str, certain: bool) -> None:
        self.names.deleted.discard(name)
        self.names.bound.setdefault(name)
        if certain:
            self.certain.add(name)

    def _read(self, name: str) -> None:
        self.names.used.add(name)
        if name not in self.certain:
            self.names.reads.setdefault(name)


class _Scope:
    """Names that a function, lambda, class or comprehension takes from the namespace."""

    def __init__(self, of_class: bool = False) -> None:
        self.of_class = of_class
        self.passed: set[str] = (
            set()
        )  # what methods look at: a class's own names are not seen there
        self.local: set[str] = set()
        self.loads: set[str] = set()
        self.globals: set[str] = set()
        self.stores: set[str] = set()
        self.attributes: set[str] = set()

    @property
    def global_stores(self) -> set[str]:
        """Names that a ``global`` statement lets it bind in the namespace."""
        return self.stores & self.globals

    @property
    def free(self) -> set[str]:
        return self.passed | (self.loads - (self.local - self.globals))

    @classmethod
    def of(cls, node: ast.AST) -> _Scope:
        scope = cls()
        if isinstance(node, _FUNCTIONS):
            args = node.args
            every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
            scope.local.update(arg.arg for arg in every if arg is not None)
            for arg in every:
                if arg is not None and arg.annotation is not None:
                    scope.visit(arg.annotation)
            if isinstance(node, ast.Lambda):
                scope.visit(node.body)
            else:
                scope.statements(node.body)
        else:
            for child in ast.iter_child_nodes(node):
                scope.visit(child)
        return scope

    def statements(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Global):
            self.globals.update(node.names)
            return
        if isinstance(node, ast.Name):
            (self.loads if isinstance(node.ctx, ast.Load) else self._stores()).add(node.id)
            return
        if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            self._nested(node)
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._stores().update(a.asname or a.name.partition(".")[0] for a in node.names)
            return
        if isinstance(node, ast.ExceptHandler) and node.name:
            self._stores().add(node.name)
        if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            self._stores().add(node.name)
        if isinstance(node, ast.Attribute):
            self.attributes.add(node.attr)
        for child in ast.iter_child_nodes(node):
            self.visit(child)

    def _stores(self) -> _Both:
        return _Both(self.local, self.stores)

    def _nested(self, node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._stores().add(node.name)
            for decorator in node.decorator_list:
                self.visit(decorator)
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                self.visit(base)
            inner = _Scope(of_class=True)
            inner.statements(node.body)
        else:
            if isinstance(node, _FUNCTIONS):
                for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
                    self.visit(default)
            inner = _Scope.of(node)
        if self.of_class:
            self.passed |= inner.free
        else:
            self.loads |= inner.free
        self.attributes |= inner.attributes
        self.stores |= inner.global_stores
        self.globals |= inner.global_stores


class _Both:
    """Adds to two sets: a store is local, and global when a ``global`` statement says so."""

    def __init__(self, one: set[str], other: set[str]) -> None:
        self._sets = (one, other)

    def add(self, name: str) -> None:
        for each in self._sets:
            each.add(name)

    def update(self, names: object) -> None:
        for name in names:  # type: ignore[attr-defined]
            self.add(name)
