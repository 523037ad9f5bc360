"""Contrast of texts in a browser, by the formula of WCAG 2.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Level AA: 4.5, and 3 for texts of at least 24 pixels, or 18.66 pixels in bold.
_WEAK_TEXTS = """root => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const known = new Map();
    const read = color => {
        if (!known.has(color)) {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
            const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
            known.set(color, [red, green, blue, alpha / 255]);
        }
        return known.get(color);
    };
    const over = ([...above], below) => {
        const alpha = above.pop();
        return [...above.map((part, i) => part * alpha + below[i] * (1 - alpha)), 1];
    };
    const backgrounds = new Map();
    const background = element => {
        if (element === null) return read("Canvas");
        if (!backgrounds.has(element)) {
            const own = read(getComputedStyle(element).backgroundColor);
            const isOpaque = own[3] === 1;
            backgrounds.set(element, isOpaque ? own : over(own, background(element.parentElement)));
        }
        return backgrounds.get(element);
    };
    const opacity = element =>
        element === null ? 1 : getComputedStyle(element).opacity * opacity(element.parentElement);
    const lightness = ([...color]) => {
        const [red, green, blue] = color.map(part => part / 255).map(part =>
            part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const weak = new Map();
    const walker = document.createTreeWalker(document.querySelector(root), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const element = walker.currentNode.parentElement;
        if (!text || element.closest("script, style, noscript, :disabled")) continue;
        if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        const style = getComputedStyle(element), behind = background(element);
        const [red, green, blue, alpha] = read(style.color);
        const color = over([red, green, blue, alpha * opacity(element)], behind);
        const [low, high] = [lightness(color), lightness(behind)].sort((a, b) => a - b);
        const size = parseFloat(style.fontSize), isBold = Number(style.fontWeight) >= 700;
        const needed = size >= 24 || (isBold && size >= 18.66) ? 3 : 4.5;
        const ratio = (high + 0.05) / (low + 0.05);
        const place = `${element.tagName.toLowerCase()}.${element.className}`;
        const line = `${ratio.toFixed(2)} ${style.color} on ${behind.map(Math.round)} in ${place}`;
        if (ratio < needed && !weak.has(line)) weak.set(line, `${line}: ${text.slice(0, 40)}`);
    }
    return [...weak.values()];
}"""


def weak_texts(page: Page, root: str = "body") -> list[str]:
    """Return the visible texts below an element whose contrast is too small for level AA."""
    weak: list[str] = page.evaluate(_WEAK_TEXTS, root)
    return weak
