// What is wrong with the page that is open, in sentences; none when a reader by eye, finger or keyboard can use it.
(options) => {
  const said = [];
  const seen = (one) => {
    const box = one.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && one.checkVisibility({ visibilityProperty: true });
  };
  const name = (one) => `<${one.tagName.toLowerCase()}${one.id ? ` id=${one.id}` : ""}> "${(one.textContent || one.name || "").trim().slice(0, 40)}"`;

  // Contrast (WCAG 1.4.3), as rendered: every text against what is painted beneath it.
  const rgba = (text) => {
    const found = text.match(/[\d.]+/g).map(Number);
    return { r: found[0], g: found[1], b: found[2], a: found.length > 3 ? found[3] : 1 };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1,
  });
  const ground = (one) => {
    if (one.ownerSVGElement) {
      const its = one.getBoundingClientRect(), x = its.x + its.width / 2, y = its.y + its.height / 2;
      const beneath = [...one.ownerSVGElement.querySelectorAll("rect")].map((rect) => [rect, rect.getBoundingClientRect()])
        .filter(([rect, box]) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom && rect.compareDocumentPosition(one) & 4);
      if (beneath.length) return rgba(getComputedStyle(beneath.pop()[0]).fill);
    }
    const layers = [];
    for (let at = one; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.a > 0) layers.push(colour);
      if (colour.a === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), rgba(getComputedStyle(document.body).backgroundColor));
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !one || one.closest("script, style, title, option, .hidden") || !seen(one)) continue;
    const style = getComputedStyle(one), under = ground(one);
    const ink = over(rgba(one.ownerSVGElement ? style.fill : style.color), under);
    const [dark, bright] = [light(ink), light(under)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const ratio = (bright + 0.05) / (dark + 0.05);
    if (ratio < least) said.push(`contrast ${ratio.toFixed(2)} of ${name(one)}`);
  }

  // Structure: what a screen reader goes by.
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) said.push(`two things have the id ${id}`);
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((one) => Number(one.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) said.push("there is not one heading of the first level");
  levels.reduce((before, level) => { if (level > before + 1) said.push(`a heading jumps to level ${level}`); return level; }, 0);
  for (const one of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!one.labels.length && !one.ariaLabel) said.push(`${name(one)} has no label`);
  }
  const actions = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(seen);
  for (const one of actions) {
    if (one.matches("a, button, summary") && !one.textContent.trim() && !one.ariaLabel) said.push(`${name(one)} has no name`);
  }
  if (document.scrollingElement.scrollWidth > innerWidth) said.push(`${document.scrollingElement.scrollWidth - innerWidth} px wider than the window`);

  // Targets (WCAG 2.5.8): 24 by 24, or as far from the next one as if they were; not those within a sentence.
  if (options.targets) {
    const middle = (box) => [box.x + box.width / 2, box.y + box.height / 2];
    const inSentence = (one) => getComputedStyle(one).display === "inline" && [...one.parentElement.childNodes].some((other) => other.nodeType === 3 && /[a-z]{2}/i.test(other.data));
    const boxes = actions.filter((one) => !inSentence(one)).map((one) => [one, one.getBoundingClientRect()]);
    for (const [one, box] of boxes) {
      if (box.width >= 24 && box.height >= 24) continue;
      const [x, y] = middle(box);
      const near = boxes.find(([other, its]) => {
        if (other === one || one.contains(other) || other.contains(one)) return false;
        const dx = Math.max(its.x - x, 0, x - its.right), dy = Math.max(its.y - y, 0, y - its.bottom);
        return Math.hypot(dx, dy) < 12;
      });
      if (near) said.push(`${name(one)} is ${Math.round(box.width)} by ${Math.round(box.height)} px beside ${name(near[0])}`);
    }
  }
  return said;
}
