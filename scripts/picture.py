#!/usr/bin/env python3
"""Turns what `tmux capture-pane -e -p` prints (stdin) into an SVG (stdout).

Usage: picture.py COLUMNS [dark|light] [TITLE]

Box-drawing and block characters are drawn as shapes, so that lines and bars have no gaps whatever
font the reader has; other text keeps its columns by `textLength`.
"""

import re
import sys
import unicodedata
from html import escape

CELL_W, CELL_H, FONT, PAD = 8.4, 18, 14, 12
# Background, text, and the sixteen colours of a terminal.
PALETTES = {
    "dark": ("#14181f", "#d5d9e0", [
        "#2a313c", "#ff7b72", "#7fd18b", "#e5c07b", "#6cb6ff", "#d2a8ff", "#56c8d8", "#d5d9e0",
        "#6e7681", "#ffa198", "#9be9a8", "#f2cc60", "#a5d6ff", "#e2c5ff", "#8fe3ef", "#ffffff",
    ]),
    "light": ("#fdfdfb", "#24292f", [
        "#24292f", "#cf222e", "#116329", "#7d4e00", "#0550ae", "#8250df", "#1b7c83", "#6e7781",
        "#57606a", "#a40e26", "#1a7f37", "#633c01", "#218bff", "#a475f9", "#3192aa", "#8c959f",
    ]),
}
LEFT = dict(zip("█▉▊▋▌▍▎▏", [8, 7, 6, 5, 4, 3, 2, 1]))
LOW = dict(zip("▁▂▃▄▅▆▇", range(1, 8)))
LINES = {"─": "lr", "│": "tb", "┌": "rb", "┐": "lb", "└": "rt", "┘": "lt",
         "├": "tbr", "┤": "tbl", "┬": "lrb", "┴": "lrt", "┼": "lrtb"}


def mixed(a, b, part):
    """`part` of the way from colour `b` to colour `a`."""
    pairs = [(int(a[i:i + 2], 16), int(b[i:i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(y + (x - y) * part):02x}" for x, y in pairs)


class Style:
    """The state of a terminal's colours, changed by escape sequences."""

    def __init__(self, palette):
        self.back, self.fore, self.ansi = palette
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.italic = self.under = self.reverse = False

    def indexed(self, n):
        if n < 16:
            return self.ansi[n]
        if n >= 232:
            v = 8 + (n - 232) * 10
            return f"#{v:02x}{v:02x}{v:02x}"
        n -= 16
        r, g, b = (0 if c == 0 else 55 + c * 40 for c in (n // 36, n // 6 % 6, n % 6))
        return f"#{r:02x}{g:02x}{b:02x}"

    def apply(self, text):
        codes = [int(c or 0) for c in text.split(";")]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.reset()
            elif c in (1, 2, 3, 4, 7):
                name = {1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "reverse"}[c]
                setattr(self, name, True)
            elif c == 22:
                self.bold = self.dim = False
            elif c in (23, 24, 27):
                setattr(self, {23: "italic", 24: "under", 27: "reverse"}[c], False)
            elif c in (38, 48):
                if codes.pop(0) == 5:
                    color = self.indexed(codes.pop(0))
                else:
                    color = "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "fg" if c == 38 else "bg", color)
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.fg = self.ansi[c - 30 if c < 40 else c - 82]
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.bg = self.ansi[c - 40 if c < 50 else c - 92]
            elif c == 39:
                self.fg = None
            elif c == 49:
                self.bg = None

    def seen(self):
        """Colour of the text, of its background if it has one, and how it is written."""
        fg, bg = self.fg or self.fore, self.bg
        if self.reverse:
            fg, bg = bg or self.back, fg
        if self.dim:
            fg = mixed(fg, bg or self.back, 0.6)
        return fg, bg, self.bold, self.italic, self.under


def cells(line, style):
    """(column, width, characters, style) of each cell of a line that is not empty."""
    column, last = 0, None
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            style.apply(part[2:-1])
            continue
        for c in part:
            if unicodedata.combining(c) and last:
                last[2] += c
                continue
            if last:
                yield last
            width = 2 if unicodedata.east_asian_width(c) in "WF" else 1
            last = [column, width, c, style.seen()]
            column += width
    if last:
        yield last


class Picture:
    """Shapes and texts, equal neighbours put together."""

    def __init__(self):
        self.backs, self.bars, self.strokes, self.texts = [], [], {}, []

    def background(self, x, y, width, color):
        last = self.backs[-1] if self.backs else None
        if last and last[3] == color and last[1] == y and abs(last[0] + last[2] - x) < 0.01:
            last[2] += width
        else:
            self.backs.append([x, y, width, color])

    def bar(self, x, y, width, height, color, opacity=None):
        last = self.bars[-1] if self.bars else None
        same = last and last[1] == y and last[3:] == [height, color, opacity]
        if same and abs(last[0] + last[2] - x) < 0.01:
            last[2] += width
        else:
            self.bars.append([x, y, width, height, color, opacity])

    def stroke(self, c, x, y, color):
        mx, my = x + CELL_W / 2, y + CELL_H / 2
        lines = self.strokes.setdefault(color, [])
        for end in LINES[c]:
            to = {"l": (x, my), "r": (x + CELL_W, my), "t": (mx, y), "b": (mx, y + CELL_H)}[end]
            if lines and end == "l" and lines[-1][2:] == [x, my] and lines[-1][1] == my:
                lines[-1][2] = mx
            elif lines and end == "r" and lines[-1][2:] == [mx, my] and lines[-1][1] == my:
                lines[-1][2] = x + CELL_W
            else:
                lines.append([*sorted([mx, to[0]])[:1], min(my, to[1]), max(mx, to[0]), max(my, to[1])])

    def shape(self, c, x, y, color):
        """Draws a character as a shape; says whether it is one."""
        if c in LEFT:
            self.bar(x, y + 2, CELL_W * LEFT[c] / 8, CELL_H - 4, color)
        elif c in LOW:
            height = (CELL_H - 4) * LOW[c] / 8
            self.bar(x, y + CELL_H - 2 - height, CELL_W - 1, height, color)
        elif c == "░":
            self.bar(x, y + 2, CELL_W, CELL_H - 4, color, 0.3)
        elif c in LINES:
            self.stroke(c, x, y, color)
        else:
            return False
        return True

    def svg(self):
        for x, y, width, color in self.backs:
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL_H}" fill="{color}"/>'
        for x, y, width, height, color, opacity in self.bars:
            faint = f' fill-opacity="{opacity}"' if opacity else ""
            yield (f'<rect x="{x:.2f}" y="{y:.1f}" width="{width:.2f}" height="{height:.1f}" '
                   f'fill="{color}"{faint}/>')
        for color, lines in self.strokes.items():
            path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in lines)
            yield f'<path d="{path}" stroke="{color}" stroke-width="1.2" stroke-linecap="square"/>'
        yield from self.texts


def main():
    columns = int(sys.argv[1])
    palette = PALETTES[sys.argv[2] if len(sys.argv) > 2 else "dark"]
    title = sys.argv[3] if len(sys.argv) > 3 else "The DB-Taxi dashboard"
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width, height = columns * CELL_W + 2 * PAD, len(lines) * CELL_H + 2 * PAD
    style, picture = Style(palette), Picture()
    for row, line in enumerate(lines):
        y = PAD + row * CELL_H
        run = None

        def flush():
            if run and run[2].strip():
                x0, n, text, (fg, _, bold, italic, under) = run
                extra = ' font-weight="bold"' if bold else ""
                extra += ' font-style="italic"' if italic else ""
                extra += ' text-decoration="underline"' if under else ""
                picture.texts.append(
                    f'<text x="{PAD + x0 * CELL_W:.1f}" y="{y + 13.5:.1f}" fill="{fg}"{extra} '
                    f'textLength="{n * CELL_W:.1f}">{escape(text)}</text>'
                )

        for column, wide, c, seen in cells(line, style):
            x = PAD + column * CELL_W
            if seen[1]:
                picture.background(x, y, wide * CELL_W, seen[1])
            drawn = picture.shape(c, x, y, seen[0])
            # A run ends at a blank: text then stays in its columns in any font.
            if drawn or c == " ":
                flush()
                run = None
            elif run and run[3] == seen and run[0] + run[1] == column:
                run = (run[0], run[1] + wide, run[2] + c, seen)
            else:
                flush()
                run = (column, wide, c, seen)
        flush()
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title, True)}">'
    )
    print(f'<rect width="100%" height="100%" rx="8" fill="{palette[0]}"/>')
    print('<g font-family="ui-monospace, SFMono-Regular, \'DejaVu Sans Mono\', Menlo, Consolas, '
          f'\'Liberation Mono\', monospace" font-size="{FONT}" shape-rendering="crispEdges" '
          'xml:space="preserve">')
    print("\n".join(picture.svg()))
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
