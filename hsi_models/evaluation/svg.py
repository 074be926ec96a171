"""Figures for reports as SVG text: curves, dots with error bars, grouped bars. No plotting library."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

# Okabe and Ito's palette without its yellow: told apart by colour-blind readers; dashes tell the second round apart.
PALETTE = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#7f7f7f')
DASHES = ('', '7 3', '2 3')
FONT = 'font-family="Helvetica, Arial, Liberation Sans, sans-serif"'
LINE_PX = 17
CHARACTER_PX = 6.6      # of the 12 px font, on average


@dataclass(frozen=True)
class Style:
    """Colour and dash of one tracker, the same in every figure."""

    colour: str
    dash: str


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a figure: label, style, points (N,) and (N,)."""

    label: str
    style: Style
    x: npt.ArrayLike
    y: npt.ArrayLike


@dataclass(frozen=True)
class Row:
    """One line of a chart of dots or bars: value, low and high may be nan."""

    label: str
    style: Style
    value: float
    low: float = math.nan
    high: float = math.nan


def styles(names: Sequence[str]) -> dict[str, Style]:
    """A style a name, in order."""
    return {name: Style(PALETTE[index % len(PALETTE)], DASHES[index // len(PALETTE) % len(DASHES)])
            for index, name in enumerate(names)}


def document(width: float, height: float, parts: Sequence[str]) -> str:
    """An SVG image that also stands alone as a file."""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" {FONT} font-size="12">' + ''.join(parts) + '</svg>')


def text(x: float, y: float, content: str, anchor: str = 'start', extra: str = '') -> str:
    """A label; `content` is escaped."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(content)}</text>'


def line_plot(series: Sequence[Series], x_label: str, y_label: str, x_max: float, diagonal: bool = False,
              mark: float | None = None, markers: bool = False) -> str:
    """Curves over 0..x_max and 0..1 with a legend below, in the order given.

    Args:
        series: one a tracker.
        x_label, y_label: of the axes.
        x_max: right end of the x axis.
        diagonal: draw y = x.
        mark: draw a vertical line here.
        markers: draw the points too.
    """
    left, top, width, height = 48.0, 10.0, 350.0, 260.0
    legend_top = top + height + 46

    def px(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return left + np.asarray(x, np.float64) / x_max * width

    def py(y: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return top + (1 - np.asarray(y, np.float64)) * height

    parts = []
    for tick in np.linspace(0, 1, 6):
        x, y = float(px(tick * x_max)), float(py(tick))
        parts += [f'<path d="M{left} {y:.1f}H{left + width}M{x:.1f} {top}V{top + height}" stroke="#e4e4e4"/>',
                  text(left - 6, y + 4, f'{tick:.1f}', 'end'),
                  text(x, top + height + 16, f'{tick * x_max:.3g}', 'middle')]
    parts.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#444"/>')
    parts += [text(left + width / 2, top + height + 33, x_label, 'middle'),
              text(13, top + height / 2, y_label, 'middle', f'transform="rotate(-90 13 {top + height / 2})"')]
    if diagonal:
        parts.append(f'<path d="M{left} {top + height}L{left + width} {top}" stroke="#999" stroke-dasharray="4 4"/>')
    if mark is not None:
        parts.append(f'<path d="M{float(px(mark)):.1f} {top}V{top + height}" stroke="#999" stroke-dasharray="4 4"/>')
    for index, one in enumerate(series):
        xs, ys = px(one.x), py(one.y)
        points = ' '.join(f'{x:.1f},{y:.1f}' for x, y in zip(xs, ys, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" {stroke(one.style)}/>')
        if markers:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{one.style.colour}"/>'
                      for x, y in zip(xs, ys, strict=True)]
        y = legend_top + index * LINE_PX
        parts += [f'<path d="M{left} {y}h30" {stroke(one.style)}/>', text(left + 38, y + 4, one.label)]
    return document(left + width + 14, legend_top + len(series) * LINE_PX, parts)


def dot_plot(rows: Sequence[Row], x_label: str) -> str:
    """Values 0..1 with error bars, one line each; labels left, numbers right."""
    left, width, step, top = _label_width(rows) + 10, 430.0, 24.0, 8.0
    bottom = top + step * len(rows)
    parts = [*_value_axis(left, width, top, bottom, x_label)]
    for index, row in enumerate(rows):
        y = top + (index + 0.5) * step
        parts.append(text(left - 8, y + 4, row.label, 'end'))
        if math.isfinite(row.low) and math.isfinite(row.high):
            low, high = left + row.low * width, left + row.high * width
            parts.append(f'<path d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 4}v8M{high:.1f} {y - 4}v8" '
                         f'stroke="{row.style.colour}" stroke-width="1.6"/>')
        if math.isfinite(row.value):
            parts += [f'<circle cx="{left + row.value * width:.1f}" cy="{y}" r="4.5" fill="{row.style.colour}"/>',
                      text(left + width + 10, y + 4, f'{row.value:.3f}')]
    return document(left + width + 56, bottom + 38, parts)


def bar_chart(groups: Sequence[tuple[str, Sequence[Row]]], x_label: str) -> str:
    """Horizontal bars 0..1 in groups: a title a group, one bar a row."""
    rows = [row for _, members in groups for row in members]
    left, width, step, gap, top = _label_width(rows) + 10, 430.0, 16.0, 26.0, 2.0
    bottom = top + step * len(rows) + gap * len(groups) + 6
    parts = [*_value_axis(left, width, top, bottom, x_label)]
    y = top
    for title, members in groups:
        parts.append(text(left, y + gap - 7, title, extra='font-weight="bold" paint-order="stroke" stroke="#fff" '
                                                          'stroke-width="4"'))
        y += gap
        for row in members:
            parts.append(text(left - 8, y + step - 4, row.label, 'end'))
            if math.isfinite(row.value):
                parts += [f'<rect x="{left}" y="{y + 2:.1f}" width="{row.value * width:.1f}" height="{step - 4}" '
                          f'fill="{row.style.colour}"{_faded(row.style)}/>',
                          text(left + width + 10, y + step - 4, f'{row.value:.3f}')]
            y += step
    return document(left + width + 56, bottom + 38, parts)


def _value_axis(left: float, width: float, top: float, bottom: float, label: str) -> list[str]:
    parts = []
    for tick in np.linspace(0, 1, 6):
        x = left + tick * width
        parts += [f'<path d="M{x:.1f} {top}V{bottom}" stroke="#e4e4e4"/>',
                  text(x, bottom + 16, f'{tick:.1f}', 'middle')]
    return [*parts, f'<path d="M{left} {top}V{bottom}H{left + width}" fill="none" stroke="#444"/>',
            text(left + width / 2, bottom + 33, label, 'middle')]


def _label_width(rows: Sequence[Row]) -> float:
    return max(60.0, max((len(row.label) for row in rows), default=0) * CHARACTER_PX + 10)


def stroke(style: Style) -> str:
    """Attributes of a line in this style."""
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ''
    return f'stroke="{style.colour}" stroke-width="2" stroke-linejoin="round"{dash}'


def _faded(style: Style) -> str:
    return ' fill-opacity="0.55"' if style.dash else ''
