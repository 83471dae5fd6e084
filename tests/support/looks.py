"""What a reader's eyes would find wrong with a page: faint words, things that jump, a page too wide."""

from __future__ import annotations

from playwright.async_api import Page

# WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large letters, over all backgrounds up to an opaque one.
_FAINT = """() => {
  const channel = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  function behind(node) {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => [...over(top, under), 1], [255, 255, 255, 1]);
  }
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, node = text.parentElement;
    const seen = node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!seen || !text.data.trim()) continue;
    if (node.closest(":disabled, [aria-hidden=true], noscript, script, option")) continue;
    const style = getComputedStyle(node), back = behind(node), fore = over(parse(style.color), back);
    const [high, low] = [light(fore), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${text.data.trim().slice(0, 40)}`);
  }
  return found;
}"""
_SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  const worth = (shift) => (shift.hadRecentInput ? 0 : shift.value);
  const add = (list) => { for (const shift of list.getEntries()) sum += worth(shift); };
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
})"""


async def too_faint(page: Page) -> list[str]:
    """Every visible text without enough contrast: the ratio and its first words."""
    found: list[str] = await page.evaluate(_FAINT)
    return found


async def shifted(page: Page) -> float:
    """How much of the page has jumped since it was opened, as Cumulative Layout Shift counts it."""
    return float(await page.evaluate(_SHIFTS))


async def too_wide(page: Page) -> bool:
    """Whether one would have to scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))
