// Every text on the page that has less contrast with what lies behind it than WCAG 2.2 asks for (AA).
// Charts are left out (their inks are held by test_theme), as are a slider's hidden marks.
() => {
  const LEFT_OUT = ".js-plotly-plot, svg, script, style, [data-testid=stSliderTickBar], " +
    "[data-testid=stSliderThumbValue], [data-testid=stIconMaterial]";
  const parse = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    return parts.length > 3 ? parts : [...parts, 1];
  };
  const over = (top, under) => {
    const part = top[3];
    return [0, 1, 2].map((n) => top[n] * part + under[n] * (1 - part)).concat(1);
  };
  const luminance = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const around = (element) => {
    const found = [];
    for (let one = element; one; one = one.parentElement) found.push(getComputedStyle(one));
    return found.reverse();
  };
  const low = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const said = texts.currentNode.data.trim();
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (!said || element.closest(LEFT_OUT) || !box.width || !box.height) continue;
    if (style.visibility === "hidden") continue;
    let ground = [255, 255, 255, 1];
    let opacity = 1;
    for (const one of around(element)) {
      ground = over(parse(one.backgroundColor), ground);
      opacity *= Number(one.opacity);
    }
    const ink = parse(style.color);
    const seen = over([ink[0], ink[1], ink[2], ink[3] * opacity], ground);
    const [dark, light] = [luminance(seen), luminance(ground)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) low.add(`${ratio.toFixed(2)}: ${said.slice(0, 40)}`);
  }
  return [...low];
}
