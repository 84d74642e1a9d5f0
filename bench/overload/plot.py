"""Lines over time as SVG, by the standard library alone: one panel below the other, over the same seconds."""
import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH, PANEL_HEIGHT, LEFT, RIGHT, TOP, GAP, BOTTOM = 800, 200, 70, 90, 40, 40, 40
COLOURS = ("#b5482a", "#2a6fb5", "#4d8c3a")


@dataclasses.dataclass
class Panel:
    title: str
    lines: list  # (name, [value or None for each second])
    log: bool = False
    rule: float = None  # a dashed line at this value

    def highest(self):
        values = [value for _, line in self.lines for value in line if value is not None]
        return max(values + [self.rule or 0, 1])

    def height_of(self, value):
        """0 at the bottom, 1 at the top."""
        if self.log:
            return math.log10(max(value, 1)) / math.ceil(math.log10(self.highest()))
        return value / self.ticks()[-1]

    def ticks(self):
        if self.log:
            return [10 ** power for power in range(math.ceil(math.log10(self.highest())) + 1)]
        step = 10 ** math.floor(math.log10(self.highest()))
        step = step / 2 if self.highest() / step < 3 else step
        return [step * number for number in range(math.ceil(self.highest() / step) + 1)]


def _points(panel, line, x_of, y_of):
    """Broken where there is no value."""
    runs = [[]]
    for second, value in enumerate(line):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{x_of(second):.1f},{y_of(panel.height_of(value)):.1f}")
    return [" ".join(run) for run in runs if run]


def _panel(panel, top, seconds):
    def x_of(second):
        return LEFT + (WIDTH - LEFT - RIGHT) * second / max(1, seconds - 1)

    def y_of(height):
        return top + PANEL_HEIGHT * (1 - height)

    yield f'<text x="{LEFT}" y="{top - 8}" class="title">{escape(panel.title)}</text>'
    for tick in panel.ticks():
        y = y_of(panel.height_of(tick))
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/><text x="{LEFT - 6}" y="{y + 4:.1f}" class="tick">{tick:g}</text>'
    if panel.rule is not None:
        y = y_of(panel.height_of(panel.rule))
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="rule"/>'
    for number, (name, line) in enumerate(panel.lines):
        for points in _points(panel, line, x_of, y_of):
            yield f'<polyline points="{points}" stroke="{COLOURS[number]}"/>'
        yield f'<text x="{WIDTH - RIGHT + 8}" y="{top + 14 + 18 * number}" fill="{COLOURS[number]}">{escape(name)}</text>'
    for second in range(0, seconds, 10):
        yield f'<text x="{x_of(second):.1f}" y="{top + PANEL_HEIGHT + 16}" class="second">{second}</text>'


STYLE = """text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.tick{text-anchor:end}.second{text-anchor:middle}
.grid{stroke:#ddd}.rule{stroke:#888;stroke-dasharray:5 4}polyline{fill:none;stroke-width:1.6}rect{fill:#fff}"""


def write_svg(path, title, x_title, panels):
    seconds = max(len(line) for panel in panels for _, line in panel.lines)
    height = TOP + len(panels) * (PANEL_HEIGHT + GAP) + BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"><style>{STYLE}</style><rect width="100%" height="100%"/>',
             f'<text x="{WIDTH / 2}" y="16" class="second title">{escape(title)}</text>']
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (PANEL_HEIGHT + GAP), seconds)
    parts.append(f'<text x="{WIDTH / 2}" y="{height - 14}" class="second">{escape(x_title)}</text></svg>')
    path.write_text("\n".join(parts) + "\n")
