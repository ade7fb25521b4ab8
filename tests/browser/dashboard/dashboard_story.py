"""What a person's notebook did: real values, uploaded as snapshots, for the pages to show."""

from __future__ import annotations

import base64
import io
from datetime import timedelta
from typing import Any

from dashboard_process import Notebook

LOAD = """%%snapshot load
from sklearn.datasets import load_wine

wine = load_wine(as_frame=True)
df = wine.frame
df.head(3)"""
CLEAN = """%%snapshot clean
# Outliers in alcohol are typing errors.
low, high = df["alcohol"].quantile([0.01, 0.99])
clean = df[df["alcohol"].between(low, high)].copy()
clean["strong"] = clean["alcohol"] > 13
print(f"kept {len(clean)} of {len(df)} rows")"""
FIT = '''%%snapshot fit baseline --tag {tag}
def fit(frame, depth=None):
    """Fit a forest; returns it with its accuracy."""
    X = frame.drop(columns=["target"])
    forest = RandomForestClassifier({trees}, max_depth=depth, random_state=0)
    return forest.fit(X, frame["target"])

clf = fit(clean, depth={depth})
acc, loss = evaluate(clf, clean)'''
FAIL = """%%snapshot tune
best = search(clean, depths=range(3, 0))
raise ValueError("no depths to try")"""
ENVIRONMENT = {
    "python": "3.11.7",
    "implementation": "CPython",
    "platform": "Linux-6.1-x86_64-with-glibc2.36",
    "machine": "x86_64",
    "packages": {
        "numpy": "2.1.0",
        "pandas": "2.3.1",
        "scikit-learn": "1.7.0",
        "matplotlib": "3.10",
    },
    "git": {
        "commit": "3fa2c1d9a7b8",
        "branch": "main",
        "dirty": True,
        "diff": "- depth = 4\n+ depth = 6",
    },
}


def environment(**packages: str) -> dict[str, Any]:
    return ENVIRONMENT | {"packages": ENVIRONMENT["packages"] | packages}  # type: ignore[operator]


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    bundle = {key.replace("_", "/", 1): value for key, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def figure_png(points: list[float], title: str) -> bytes:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 2.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(points, marker="o")
    axes.set(title=title, xlabel="snapshot", ylabel="accuracy")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90)
    return file.getvalue()


def tell(notebook: Notebook) -> dict[str, str]:
    """Upload a small study; returns the short id of its latest snapshot of each name."""
    from sklearn.datasets import load_wine

    made: dict[str, str] = {}

    def keep(name: str, *arguments: Any, **more: Any) -> None:
        made[name] = notebook.snapshot(name, *arguments, **more).short_id

    frame = load_wine(as_frame=True).frame
    head = frame.head(3)
    shown = display(text_html=head.to_html(), text_plain=head.to_string())
    keep(
        "load", LOAD, {"df": frame}, outputs=[shown], environment=environment(),
        ago=timedelta(minutes=62),
    )  # fmt: skip
    low, high = frame["alcohol"].quantile([0.01, 0.99])
    clean = frame[frame["alcohol"].between(low, high)].copy()
    clean["strong"] = clean["alcohol"] > 13
    said = stream(f"kept {len(clean)} of {len(frame)} rows\n")
    keep(
        "clean", CLEAN, {"clean": clean, "low": float(low), "high": float(high)}, reads=("df",),
        outputs=[said], environment=environment(), ago=timedelta(minutes=58),
    )  # fmt: skip
    scores = [0.871, 0.894, 0.889, 0.903, 0.898, 0.912]
    for number, score in enumerate(scores):
        source = FIT.format(tag="baseline" if number < 3 else "tuned", trees=100, depth=number + 3)
        # A dict stands for the model: which libraries are installed does not matter here.
        model = {"depth": number + 3, "trees": 100, "features": list(clean.columns)}
        values = {"clf": model, "acc": score, "loss": round(1.2 - score, 3)}
        keep(
            "fit baseline", source, values, reads=("clean",),
            outputs=[stream(f"accuracy {score}\n")],
            environment=environment(numpy="2.1.1" if number == 5 else "2.1.0"),
            tags=["baseline"] if number < 3 else ["tuned"],
            note="Depth by hand; a search comes next." if number == 5 else "",
            ago=timedelta(minutes=50 - 8 * number), duration=3.4,
        )  # fmt: skip
    traceback = [
        "\x1b[0;31m---------------------------------------------------------------------\x1b[0m",
        "\x1b[0;31mValueError\x1b[0m                         Traceback (most recent call last)",
        "Cell \x1b[0;32mIn[9], line 3\x1b[0m\n      2 best = search(clean, depths=range(3, 0))",
        '----> 3 raise ValueError("no depths to try")\n',
        "\x1b[0;31mValueError\x1b[0m: no depths to try",
    ]
    from etiq_jupyter.model import Failure

    failure = Failure(name="ValueError", message="no depths to try", traceback=traceback)
    keep("tune", FAIL, {}, error=failure, reads=("clean",), ago=timedelta(minutes=6))
    png = base64.b64encode(figure_png(scores, "Accuracy by depth")).decode()
    keep(
        "evaluate", "%%snapshot evaluate\nplot_scores(scores)\nconfusion = table(clf, clean)",
        {"confusion": clean.groupby("target").mean().round(3), "best": max(scores)},
        reads=("clf", "clean"), outputs=[display(image_png=png, text_plain="<Figure>")],
        environment=environment(), ago=timedelta(minutes=2),
    )  # fmt: skip
    return made


HOSTILE_HTML = (
    "<h3>Report</h3><script>parent.document.title='owned'; window.top.owned = true</script>"
    "<img src=x onerror=\"parent.owned=true\"><a href='javascript:parent.owned=true'>more</a>"
    "<iframe src='/tokens'></iframe>"
    "<form action='/api/v1/sign-out' method=post><button>go</button></form>"
    "<img src='{beacon}/picture.png'><link rel=stylesheet href='{beacon}/style.css'>"
    "<style>h3 {{ background: url({beacon}/background.png) }}</style>"
    "<meta http-equiv=refresh content='0;url={beacon}/refresh'>"
)


def attack(notebook: Notebook, beacon: str) -> str:
    """Upload a snapshot in which everything that can be a script or call home is one."""
    nasty = '<img src=x onerror="window.owned=true">'
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'>"
        "<script>parent.owned=true</script>"
        "<rect width='40' height='40' onload='parent.owned=true'/>"
        f"<image href='{beacon}/svg.png' width='9' height='9'/></svg>"
    )
    return notebook.snapshot(
        nasty,
        f"# {nasty}\nprint('</script><script>window.owned=true</script>')",
        {"plain": {nasty: [nasty]}, "text": nasty},
        outputs=[
            display(text_html=HOSTILE_HTML.format(beacon=beacon), text_plain="report"),
            display(**{"image_svg+xml": svg}),
            display(text_html=f"<table class='dataframe'><tr><td>{nasty}</td></tr></table>"),
            stream(f"\x1b]8;;javascript:alert(1)\x07{nasty}\x1b[31m\n"),
            {"output_type": "display_data", "data": "not a bundle"},
        ],
        tags=[nasty],
        note=nasty,
    ).short_id  # fmt: skip
