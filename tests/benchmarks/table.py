"""How a benchmark shows its figures."""


def show(rows):
    """Print rows of texts in columns; the last one is as wide as it is."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=True))
        print("  ".join((*cells, row[-1])).rstrip())
