/* The whole drawing, and what a person can do with it. */
/* The legends lie in their panels and follow the bar that is pointed at. */
const legends = [...find("legends").children];
const rest = new Map();
const spoken = [find("bar"), find("change"), ...legends.flatMap((row) => [...row.children])];
for (const element of spoken) {
  rest.set(element, { text: element.textContent, name: element.className });
}

function say(element, text, name) {
  element.textContent = text;
  element.className = name;
}

function factsAt(at) {
  const prices = [
    ["O", readings.opens], ["H", readings.highs], ["L", readings.lows], ["C", readings.closes],
  ];
  return [spec.days[at], ...prices.map(([name, texts]) => `${name}\u00a0${texts[at]}`)].join("  ");
}

function inkAt(reading, at) {
  if (!reading.rising || reading.texts[at] === NONE) return reading.ink;
  return reading.rising[at] ? "up" : "down";
}

function showBar(at) {
  if (at === null) {
    for (const [element, { text, name }] of rest) say(element, text, name);
    return;
  }
  say(find("bar"), factsAt(at), "");
  const change = readings.changes[at];
  const way = change.startsWith("-") ? "down" : "up";
  say(find("change"), change, change ? `legend ink-${way}` : "");
  readings.panels.forEach((panel, place) => {
    panel.forEach((reading, number) => {
      const element = legends[place].children[number];
      say(element, `${reading.label} ${reading.texts[at]}`, `legend ink-${inkAt(reading, at)}`);
    });
  });
}

function speak() {
  const shown = spoken.map((element) => element.textContent).filter(Boolean);
  find("spoken").textContent = shown.join(", ");
}

/* Drawing. Another theme or another paper is another drawing, with the same part in view. */
let drawing = null;
let pointed = null;

/* The part in view. The library takes a new one over with the next frame; until then `wanted`
   is where it will be, so that keys pressed quickly add up. */
let wanted = null;
const viewed = () => wanted ?? drawing.chart.timeScale().getVisibleLogicalRange();

function show(view) {
  wanted = view;
  drawing.chart.timeScale().setVisibleLogicalRange(view);
}

const showWhole = () => show({ from: -0.5 - BESIDE, to: count - 0.5 + BESIDE });

function draw() {
  const view = drawing ? viewed() : null;
  if (drawing) {
    find("legends").append(...legends);
    drawing.chart.remove();
  }
  const font = getComputedStyle(document.body).fontFamily;
  const chart = library.createChart(stage, chartOptions(font));
  drawing = {
    chart,
    legends,
    font,
    axisWidth: axisWidth(font),
    candles: null,
    narrow: false,
    ready: false,
    ticks: new Map(),
  };
  spec.panels.forEach((panel, place) => addPanel(chart, panel, place, drawing));
  if (isWhole(view)) showWhole();
  else show(view);
  chart.resize(stage.clientWidth, stage.clientHeight, true);
  chart.panes().forEach((pane, place) => {
    pane.getHTMLElement().children[1].firstElementChild.append(legends[place]);
  });
  drawing.ready = true;
  root.dataset.bars = "edged";
  paintBars(chart, drawing);
  chart.timeScale().applyOptions({});
  chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
    wanted = null;
    paintBars(chart, drawing);
  });
  chart.subscribeCrosshairMove(({ time }) => {
    pointed = places.get(time) ?? null;
    showBar(pointed);
  });
  root.dataset.drawn = String(chart.panes().length);
}

function resize(width, height) {
  if (!drawing || width === 0) return;
  const whole = isWhole(viewed());
  drawing.chart.resize(width, height, true);
  if (whole) showWhole();
}

/* The keyboard does all that the pointer does. */
function point(at) {
  const { chart, candles } = drawing;
  pointed = Math.min(Math.max(at, 0), count - 1);
  const { from, to } = viewed();
  const away = Math.min(0, pointed - 0.5 - from) || Math.max(0, pointed + 0.5 - to);
  if (away && to - from < count) show({ from: from + away, to: to + away });
  chart.setCrosshairPosition(spec.close[pointed], times[pointed], candles);
  showBar(pointed);
  speak();
}

function zoom(factor) {
  const { from, to } = viewed();
  const centre = pointed === null ? to : pointed;
  const shown = Math.min(Math.max((to - from) * factor, Math.min(FEWEST, count)), count);
  const share = (centre - from) / (to - from);
  const start = Math.min(Math.max(centre - shown * share, -0.5), count - 0.5 - shown);
  show({ from: start, to: start + shown });
}

function leave() {
  drawing.chart.clearCrosshairPosition();
  pointed = null;
  showBar(null);
  speak();
}

// From the last values, the first step back is the last bar.
const step = (by) => () => point((pointed ?? count) + by);
const KEYS = {
  ArrowLeft: step(-1),
  ArrowRight: step(1),
  PageUp: step(-PAGE),
  PageDown: step(PAGE),
  Home: () => point(0),
  End: () => point(count - 1),
  "+": () => zoom(ZOOM),
  "=": () => zoom(ZOOM),
  "-": () => zoom(1 / ZOOM),
  0: showWhole,
  Escape: leave,
};
stage.addEventListener("keydown", (event) => {
  const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});

/* Light and dark: the system's choice until the button is used. */
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
function showTheme() {
  find("theme").textContent = isDark() ? "Light" : "Dark";
  draw();
}
find("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
dark.addEventListener("change", () => {
  if (!root.dataset.theme) showTheme();
});

/* Paper is white and has one size. The library draws with the next frame, which comes too late
   for a printer: so a finished picture of the chart is laid over it, the legends on top. */
let screenTheme = null;
let paper = null;

function layOnPaper(chart) {
  paper = chart.takeScreenshot(true);
  paper.className = "paper";
  let top = 2;
  legends.forEach((legend, place) => {
    legend.style.top = `${top}px`;
    top += chart.paneSize(place).height + 1;
  });
  stage.append(paper, ...legends);
}

addEventListener("beforeprint", () => {
  screenTheme = root.dataset.theme ?? "";
  root.dataset.theme = "light";
  const { width, height } = PRINT;
  Object.assign(stage.style, { flex: "none", width: `${width}px`, height: `${height}px` });
  draw();
  layOnPaper(drawing.chart);
});

addEventListener("afterprint", () => {
  paper?.remove();
  for (const legend of legends) legend.style.top = "";
  if (screenTheme) root.dataset.theme = screenTheme;
  else delete root.dataset.theme;
  Object.assign(stage.style, { flex: "", width: "", height: "" });
  draw();
});

/* The table is made when it is first opened: newest bar first. */
function cell(row, name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  if (name === "th") element.scope = row.parentElement?.tagName === "THEAD" ? "col" : "row";
  row.append(element);
}

function fillSheet() {
  const columns = [
    ["Open", readings.opens], ["High", readings.highs], ["Low", readings.lows],
    ["Close", readings.closes], ["Change", readings.changes],
    ...readings.panels.flat().map((reading) => [reading.label, reading.texts]),
  ];
  const table = document.createElement("table");
  table.className = "data";
  const head = table.createTHead().insertRow();
  for (const name of ["Bar", ...columns.map(([label]) => label)]) cell(head, "th", name);
  const body = table.createTBody();
  for (let at = count - 1; at >= 0; at -= 1) {
    const row = body.insertRow();
    cell(row, "th", spec.days[at] + (spec.complete[at] ? "" : " (partial)"));
    for (const [, texts] of columns) cell(row, "td", texts[at]);
  }
  find("sheet").append(table);
}
find("data").addEventListener("toggle", fillSheet, { once: true });

showTheme();
new ResizeObserver(() => resize(stage.clientWidth, stage.clientHeight)).observe(stage);
