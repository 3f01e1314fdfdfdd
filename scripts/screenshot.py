#!/usr/bin/env python3
"""Turns what `tmux capture-pane -e -p` prints (stdin) into an SVG (stdout).

Usage: screenshot.py COLUMNS

Box-drawing and block characters are drawn as shapes, so that lines and bars have no gaps whatever
font the reader has; other text keeps its columns by `textLength`.
"""

import re
import sys
import unicodedata
from html import escape

CELL_W, CELL_H, FONT = 8.4, 18, 14
BACK, FORE, DIM = "#14181f", "#d5d9e0", "#7d8794"
ANSI = [
    "#2a313c", "#ff7b72", "#7fd18b", "#e5c07b", "#6cb6ff", "#d2a8ff", "#56c8d8", "#d5d9e0",
    "#6e7681", "#ffa198", "#9be9a8", "#f2cc60", "#a5d6ff", "#e2c5ff", "#8fe3ef", "#ffffff",
]
LEFT = dict(zip("█▉▊▋▌▍▎▏", [8, 7, 6, 5, 4, 3, 2, 1]))
LOW = dict(zip("▁▂▃▄▅▆▇", range(1, 8)))
LINES = {"─": "lr", "│": "tb", "┌": "rb", "┐": "lb", "└": "rt", "┘": "lt", "├": "tbr", "┤": "tbl"}


def indexed(n):
    if n < 16:
        return ANSI[n]
    if n >= 232:
        v = 8 + (n - 232) * 10
        return f"#{v:02x}{v:02x}{v:02x}"
    n -= 16
    r, g, b = (0 if c == 0 else 55 + c * 40 for c in (n // 36, n // 6 % 6, n % 6))
    return f"#{r:02x}{g:02x}{b:02x}"


class Style:
    def __init__(self):
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.under = self.reverse = False

    def apply(self, text):
        codes = [int(c or 0) for c in text.split(";")]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.reset()
            elif c in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "under", 7: "reverse"}[c], True)
            elif c == 22:
                self.bold = self.dim = False
            elif c == 24:
                self.under = False
            elif c == 27:
                self.reverse = False
            elif c in (38, 48):
                kind = codes.pop(0)
                if kind == 5:
                    color = indexed(codes.pop(0))
                else:
                    color = "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "fg" if c == 38 else "bg", color)
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.fg = ANSI[c - 30 if c < 40 else c - 82]
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.bg = ANSI[c - 40 if c < 50 else c - 92]
            elif c == 39:
                self.fg = None
            elif c == 49:
                self.bg = None

    def seen(self):
        fg = self.fg or (DIM if self.dim else FORE)
        bg = self.bg
        if self.reverse:
            fg, bg = bg or BACK, fg
        return fg, bg, self.bold, self.under


def cells(line, style):
    """(column, width, character, style) for each character of a line."""
    column = 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            style.apply(part[2:-1])
            continue
        for c in part:
            width = 2 if unicodedata.east_asian_width(c) in "WF" else 1
            yield column, width, c, style.seen()
            column += width


def shape(c, x, y, color):
    """A character as a shape, or None."""
    rect = '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="{}"{}/>'.format
    if c in LEFT:
        return rect(x, y + 2, CELL_W * LEFT[c] / 8 + 0.05, CELL_H - 4, color, "")
    if c in LOW:
        h = (CELL_H - 4) * LOW[c] / 8
        return rect(x, y + CELL_H - 2 - h, CELL_W - 1, h, color, "")
    if c == "░":
        return rect(x, y + 2, CELL_W + 0.05, CELL_H - 4, color, ' fill-opacity="0.3"')
    if c in LINES:
        mx, my = x + CELL_W / 2, y + CELL_H / 2
        ends = {"l": (x, my), "r": (x + CELL_W, my), "t": (mx, y), "b": (mx, y + CELL_H)}
        path = "".join(f"M{mx:.2f} {my:.2f}L{ends[e][0]:.2f} {ends[e][1]:.2f}" for e in LINES[c])
        return f'<path d="{path}" stroke="{color}" stroke-width="1.2" stroke-linecap="square"/>'
    return None


def main():
    columns = int(sys.argv[1])
    lines = sys.stdin.read().rstrip("\n").split("\n")
    pad = 12
    width, height = columns * CELL_W + 2 * pad, len(lines) * CELL_H + 2 * pad
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="The DB-Taxi dashboard">',
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
        f'<g font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, Consolas, monospace" '
        f'font-size="{FONT}" shape-rendering="crispEdges" xml:space="preserve">',
    ]
    style = Style()
    for row, line in enumerate(lines):
        y = pad + row * CELL_H
        run = None

        def flush():
            if run and run[2].strip():
                x0, n, text, (fg, _, bold, under) = run
                extra = ' font-weight="bold"' if bold else ""
                extra += ' text-decoration="underline"' if under else ""
                out.append(
                    f'<text x="{pad + x0 * CELL_W:.2f}" y="{y + 13.5:.1f}" fill="{fg}"{extra} '
                    f'textLength="{n * CELL_W:.2f}">{escape(text)}</text>'
                )

        for column, wide, c, seen in cells(line, style):
            x = pad + column * CELL_W
            if seen[1]:
                out.append(
                    f'<rect x="{x:.2f}" y="{y}" width="{wide * CELL_W + 0.05:.2f}" '
                    f'height="{CELL_H}" fill="{seen[1]}"/>'
                )
            drawn = shape(c, x, y, seen[0])
            if drawn:
                out.append(drawn)
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
    out += ["</g>", "</svg>"]
    print("\n".join(out))


if __name__ == "__main__":
    main()
