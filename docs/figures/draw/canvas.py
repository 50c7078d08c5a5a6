"""An SVG picture made of boxes, text and arrows, readable on light and dark pages.

Text stays text in the fonts of the reader's system. Colours are classes of a style sheet with a
second set for dark pages; every picture lies on a page of its own colour, so that it is readable
where a site and its reader's system disagree about which of the two is in use.
"""

from html import escape

WIDTH = 860

# Name: (light, dark). `fill-*` are tints behind text, `line-*` strokes and coloured text.
PAGE = ("#ffffff", "#0d1117")
FRAME = ("#d0d7de", "#30363d")
INK = ("#1f2328", "#e6edf3")
SOFT = ("#59636e", "#9198a1")
FILLS = {
    "plain": ("#f6f8fa", "#161b22"),
    "grey": ("#d8dee4", "#373e47"),
    "blue": ("#d6ebff", "#0f3460"),
    "orange": ("#ffe6cc", "#55320c"),
    "green": ("#d8f3dd", "#12432a"),
    "purple": ("#eee2ff", "#3b2566"),
    "red": ("#ffdcd9", "#611a1a"),
}
LINES = {
    "ink": INK,
    "soft": ("#8c959f", "#6e7681"),
    "blue": ("#0969da", "#58a6ff"),
    "orange": ("#bc4c00", "#f0883e"),
    "green": ("#1a7f37", "#3fb950"),
    "purple": ("#8250df", "#bc8cff"),
    "red": ("#cf222e", "#f85149"),
}


def _rules(dark):
    """The colours of one of the two style sheets."""
    rules = [f".page{{fill:{PAGE[dark]};stroke:{FRAME[dark]}}}"]
    rules += [f"text{{fill:{INK[dark]}}}.t-quiet{{fill:{SOFT[dark]}}}"]
    rules += [f".f-{name}{{fill:{colour[dark]}}}" for name, colour in FILLS.items()]
    rules += [f".s-{name}{{stroke:{colour[dark]}}}" for name, colour in LINES.items()]
    rules += [f".t-{name}{{fill:{colour[dark]}}}" for name, colour in LINES.items() if name != "soft"]
    return "".join(rules)


STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;font-size:13px}"
    ".m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:12px}"
    ".b{font-weight:600}.small{font-size:11.5px}.none{fill:none}.w{stroke-width:2}"
    ".dash{stroke-dasharray:4 3}" + _rules(0) + "@media(prefers-color-scheme:dark){" + _rules(1) + "}"
)


def _classes(*names):
    """The attribute that names style classes; nothing where there are none."""
    named = " ".join(name for name in names if name)
    return f' class="{named}"' if named else ""


class Figure:
    """A picture of one width. Coordinates are pixels from the upper left corner."""

    def __init__(self, height, title, description):
        self.height = height
        self.title = title
        self.description = description
        self.parts = []

    def box(self, x, y, w, h, fill="plain", line="soft", radius=2, extra=""):
        """A rectangle; `fill=None` for an outline, `line=None` for none."""
        names = _classes(f"f-{fill}" if fill else "none", line and f"s-{line}", extra)
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{radius}"{names}/>')

    def text(self, x, y, words, kind="", at="start"):
        """Words on a base line; `kind` names classes: m (monospaced), b, small, t-quiet, t-blue, ..."""
        anchor = "" if at == "start" else f' text-anchor="{at}"'
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{anchor}{_classes(kind)}>{escape(str(words))}</text>')

    def lines(self, x, y, rows, kind="", at="start", step=18):
        """Several lines of text."""
        for index, words in enumerate(rows):
            self.text(x, y + index * step, words, kind, at)

    def cell(self, x, y, w, h, words, fill="plain", line="soft", kind="m"):
        """A box with centred words."""
        self.box(x, y, w, h, fill, line)
        self.text(x + w / 2, y + h / 2 + 4.5, words, kind, "middle")

    def line(self, x1, y1, x2, y2, line="soft", extra=""):
        self.curve(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", line, extra)

    def arrow(self, x1, y1, x2, y2, line="ink", extra=""):
        self.curve(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", line, extra, head=True)

    def curve(self, path, line="ink", extra="", head=False):
        end = f' marker-end="url(#head-{line})"' if head else ""
        self.parts.append(f'<path d="{path}"{_classes("none", f"s-{line}", extra)}{end}/>')

    def dot(self, x, y, radius=5, fill="plain", line="ink", extra=""):
        names = _classes(f"f-{fill}", f"s-{line}", extra)
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius}"{names}/>')

    def svg(self):
        """The whole file."""
        body = "\n".join(self.parts)
        used = [name for name in LINES if f"#head-{name})" in body]
        heads = "".join(
            f'<marker id="head-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
            f' orient="auto"><path d="M0.5 0.5L7 4L0.5 7.5" class="none s-{name}"/></marker>'
            for name in used
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height}"'
            f' viewBox="0 0 {WIDTH} {self.height}" role="img">\n'
            f"<title>{escape(self.title)}</title>\n<desc>{escape(self.description)}</desc>\n"
            f"<style>{STYLE}</style>\n<defs>{heads}</defs>\n"
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{self.height - 1}" rx="6" class="page"/>\n'
            f"{body}\n</svg>\n"
        )
